"""Mistakes that are not in the catalogue: 68 edits of the programs of this folder."""

from __future__ import annotations

OUTSIDE: dict[str, str] = {
    "lstm": """
= do = dnext_h * tc
    do = dnext_h * tc**2
    do = dnext_h * np.sin(next_c)
    do = dnext_h * (tc + o)
= dc = dnext_c + dnext_h * o * (1 - tc**2)
    dc = dnext_c + 0.5 * dnext_h * o * (1 - tc**2)
    dc = dnext_c * o + dnext_h * o * (1 - tc**2)
    dc = dnext_c + dnext_h * o * (1 - tc**3)
    dc = dnext_c * f + dnext_h * o * (1 - tc**2)
    dc = dnext_c + dnext_h * o * (1 - tc**2) * i
    dc = dnext_c + dnext_h * o * (1 - o**2)
= df = dc * prev_c
    df = dc * (prev_c + next_c) / 2
    df = dc * prev_c * f
= di = dc * g
    di = dc * g**2
    di = dc * np.tanh(g)
= dg = dc * i
    dg = dc * i * f
    dg = dc * np.sqrt(i)
= dprev_c = dc * f
    dprev_c = dc * f**2
    dprev_c = dc * f + dnext_c
    dprev_c = dc * f * o
= dai = di * i * (1 - i)
    dai = di * i * (1 + i)
    dai = di * i**2 * (1 - i)
= daf = df * f * (1 - f)
    daf = df * f * (1 - i)
= dao = do * o * (1 - o)
    dao = do * o * (1 - o) + di
= dag = dg * (1 - g**2)
    dag = dg * (1 - g**2) * i
    dag = dg * (1 + g**2)
= da = np.hstack((dai, daf, dao, dag))
    da = np.clip(np.hstack((dai, daf, dao, dag)), -0.05, 0.05)
= dWx = x.T.dot(da)
    dWx = x.T.dot(da) + 0.01 * Wx
    dWx = np.abs(x).T.dot(da)
= dprev_h = da.dot(Wh.T)
    dprev_h = da.dot(Wh.T) + 0.1 * dnext_h
""",
    "peephole": """
= dc = dc + dao * Po
    dc = dc + dao * Pf
    dc = dc + do * Po
= by_f = daf * Pf
    by_f = df * Pf
    by_f = daf * Pi
= by_i = dai * Pi
    by_i = dai * Pi * f
= dPo = (dao * next_c).sum(axis=0)
    dPo = (do * next_c).sum(axis=0)
= dPf = (daf * prev_c).sum(axis=0)
    dPf = (daf * prev_h).sum(axis=0)
= dPi = (dai * prev_c).sum(axis=0)
    dPi = (daf * prev_c).sum(axis=0)
""",
    "gru": """
= dz = dnext_h * (prev_h - n)
    dz = dnext_h * (q - n)
    dz = dnext_h * (prev_h - n) / 2
= dn = dnext_h * (1 - z)
    dn = dnext_h * (1 - z**2)
    dn = dnext_h * (1 - r)
= direct = dnext_h * z
    direct = dnext_h * z**2
    direct = dnext_h * z * r
= dan = dn * (1 - n**2)
    dan = dn * (1 - n**2) * r
    dan = dn * (1 - q**2)
= dr = dan * q
    dr = dan * n
    dr = dan * q * r
= dq = dan * r
    dq = dan * (1 - r)
= dbn = dq.sum(axis=0)
    dbn = dr.sum(axis=0)
""",
    "gru_reset_before": """
= dz = dnext_h * (prev_h - n)
    dz = dnext_h * (s - n)
= dan = dn * (1 - n**2)
    dan = dn * (1 - n**2) * z
= ds = dan.dot(Un.T)
    ds = dn.dot(Un.T)
    ds = dan.dot(Uz.T)
= dr = ds * prev_h
    dr = ds * s
= by_reset = ds * r
    by_reset = ds * (1 - r)
= by_z = daz.dot(Uz.T)
    by_z = dz.dot(Uz.T)
= by_r = dar.dot(Ur.T)
    by_r = dar.dot(Uz.T)
""",
    "rnn": """
= da = dnext_h * (1 - next_h**2)
    da = dnext_h * (1 - next_h**2) ** 2
    da = dnext_h * (1 + next_h**2)
    da = np.clip(dnext_h * (1 - next_h**2), -0.1, 0.1)
= dWh = prev_h.T.dot(da)
    dWh = prev_h.T.dot(dnext_h)
    dWh = prev_h.T.dot(da) + 0.01 * Wh
= dprev_h = da.dot(Wh.T)
    dprev_h = dnext_h.dot(Wh.T)
    dprev_h = 0.9 * da.dot(Wh.T)
    dprev_h = da.dot(Wh.T) + 0.1 * dnext_h
= arriving = dh + dhs[:, t]
    arriving = 0.9 * dh + dhs[:, t]
    arriving = (dh if t % 2 else 0 * dh) + dhs[:, t]
    arriving = np.clip(dh, -0.1, 0.1) + dhs[:, t]
= sums = [s + d for s, d in zip(sums, dweights)]
    sums = [0.9 * s + d for s, d in zip(sums, dweights)]
""",
}


def outside() -> list[tuple[str, str, str]]:
    """The cell, an expression of its program, and what is written instead."""
    found, old = [], ""
    for cell, text in OUTSIDE.items():
        for line in text.strip().splitlines():
            if line.startswith("= "):
                old = line[2:]
            else:
                found.append((cell, old, line.strip()))
    return found
