"""Mistakes of LSTMs, written into the programs of this folder by hand."""

LSTM_FORWARD = """
= i = sigmoid(ai)
tanh-input-gate: i = np.tanh(ai)
= f = sigmoid(af)
tanh-forget-gate: f = np.tanh(af)
forget-one-added-before: f = sigmoid(af + 1)
forget-one-added-after: f = sigmoid(af) + 1
= o = sigmoid(ao)
tanh-output-gate: o = np.tanh(ao)
= g = np.tanh(ag)
sigmoid-candidate: g = sigmoid(ag)
candidate-tanh-twice: g = np.tanh(np.tanh(ag))
candidate-without-tanh: g = ag
= next_c = f * prev_c + i * g
i-not-used: next_c = f * prev_c + g
f-not-used: next_c = prev_c + i * g
coupled-gates: next_c = f * prev_c + (1 - f) * g
h-kept-for-c: next_c = f * prev_h + i * g
cell-not-kept: next_c = i * g
tanh-of-the-new-cell: next_c = np.tanh(f * prev_c + i * g)
= next_h = o * np.tanh(next_c)
h-tanh-outside: next_h = np.tanh(o * next_c)
h-tanh-twice: next_h = o * np.tanh(np.tanh(next_c))
h-sigmoid-of-c: next_h = o * sigmoid(next_c)
h-without-o: next_h = np.tanh(next_c)
h-gated-by-f: next_h = f * np.tanh(next_c)
= a = x.dot(Wx) + prev_h.dot(Wh) + b
bias-missing: a = x.dot(Wx) + prev_h.dot(Wh)
bias-twice: a = x.dot(Wx) + b + prev_h.dot(Wh) + b
past-not-read: a = x.dot(Wx) + b
cell-read-for-h: a = x.dot(Wx) + prev_c.dot(Wh) + b
"""

BOTH_FORWARD = """
= next_c = f * prev_c + i * g
i-plus-g: next_c = f * prev_c + i + g
i-and-f-exchanged: next_c = i * prev_c + f * g
= next_h = o * np.tanh(next_c)
h-without-tanh: next_h = o * next_c
h-of-the-last-cell: next_h = o * np.tanh(prev_c)
"""

BOTH_BACKWARD = """
= do = dnext_h * tc
do-without-tanh: do = dnext_h
do-by-c: do = dnext_h * next_c
do-sign: do = -dnext_h * tc
do-zero: do = np.zeros_like(dnext_h)
= dc = dnext_c + dnext_h * o * (1 - tc**2)
dc-without-carry: dc = dnext_h * o * (1 - tc**2)
dc-without-h: dc = dnext_c
dc-without-slope: dc = dnext_c + dnext_h * o
dc-without-o: dc = dnext_c + dnext_h * (1 - tc**2)
dc-slope-without-square: dc = dnext_c + dnext_h * o * (1 - tc)
dc-slope-at-c: dc = dnext_c + dnext_h * o * (1 - next_c**2)
= df = dc * prev_c
df-by-new-cell: df = dc * next_c
df-zero: df = np.zeros_like(dc)
= di = dc * g
di-zero: di = np.zeros_like(dc)
= dg = dc * i
dg-zero: dg = np.zeros_like(dc)
= dWh = prev_h.T.dot(da)
dU-by-cell: dWh = prev_c.T.dot(da)
"""

LSTM_BACKWARD = """
= do = dnext_h * tc
do-by-last-cell: do = dnext_h * np.tanh(prev_c)
do-by-o: do = dnext_h * o
= dc = dnext_c + dnext_h * o * (1 - tc**2)
dc-slope-of-sigmoid: dc = dnext_c + dnext_h * o * tc * (1 - tc)
dc-slope-tanh-twice: dc = dnext_c + dnext_h * o * (1 - np.tanh(tc) ** 2)
dc-slope-at-last-cell: dc = dnext_c + dnext_h * o * (1 - np.tanh(prev_c) ** 2)
dc-sign: dc = dnext_c - dnext_h * o * (1 - tc**2)
dc-from-do: dc = dnext_c + do * o * (1 - tc**2)
dc-carry-inside: dc = (dnext_c + dnext_h * o) * (1 - tc**2)
dc-carry-times-o: dc = (dnext_c + dnext_h) * o * (1 - tc**2)
dc-without-slope-and-carry: dc = dnext_h * o
= df = dc * prev_c
df-by-tanh-of-last-cell: df = dc * np.tanh(prev_c)
df-by-h: df = dc * prev_h
df-by-f: df = dc * f
df-sign: df = -dc * prev_c
df-from-carry: df = dnext_c * prev_c
df-without-cell: df = dc
= di = dc * g
di-by-i: di = dc * i
di-sign: di = -dc * g
di-from-carry: di = dnext_c * g
di-without-g: di = dc
di-by-last-cell: di = dc * prev_c
= dg = dc * i
dg-by-g: dg = dc * g
dg-by-f: dg = dc * f
dg-sign: dg = -dc * i
dg-from-carry: dg = dnext_c * i
dg-without-i: dg = dc
di-and-dg-exchanged: dg = dc * g; di = dc * i
= dprev_c = dc * f
carried-dc-without-f: dprev_c = dc
carried-dc-by-i: dprev_c = dc * i
carried-dc-by-o: dprev_c = dc * o
carried-dc-zero: dprev_c = np.zeros_like(dc)
carried-dc-without-h: dprev_c = dnext_c * f
carried-dc-sign: dprev_c = -dc * f
= dao = do * o * (1 - o)
output-without-slope: dao = do
output-slope-at-preactivation: dao = do * ao * (1 - ao)
output-slope-of-tanh: dao = do * (1 - o**2)
output-slope-half: dao = do * (1 - o)
output-slope-other-half: dao = do * o
output-slope-of-sigmoid-twice: dao = do * sigmoid(o) * (1 - sigmoid(o))
output-sign: dao = -do * o * (1 - o)
output-from-df: dao = df * o * (1 - o)
output-from-dc: dao = dc * o * (1 - o)
output-slope-of-f: dao = do * f * (1 - f)
= daf = df * f * (1 - f)
forget-without-slope: daf = df
forget-slope-at-preactivation: daf = df * af * (1 - af)
forget-slope-of-tanh: daf = df * (1 - f**2)
forget-slope-half: daf = df * (1 - f)
forget-slope-other-half: daf = df * f
forget-slope-of-sigmoid-twice: daf = df * sigmoid(f) * (1 - sigmoid(f))
forget-sign: daf = -df * f * (1 - f)
forget-from-di: daf = di * f * (1 - f)
forget-slope-of-i: daf = df * i * (1 - i)
= dai = di * i * (1 - i)
input-without-slope: dai = di
input-slope-at-preactivation: dai = di * ai * (1 - ai)
input-slope-of-tanh: dai = di * (1 - i**2)
input-slope-half: dai = di * (1 - i)
input-slope-other-half: dai = di * i
input-slope-of-sigmoid-twice: dai = di * sigmoid(i) * (1 - sigmoid(i))
input-sign: dai = -di * i * (1 - i)
input-from-df: dai = df * i * (1 - i)
input-from-dg: dai = dg * i * (1 - i)
input-slope-of-f: dai = di * f * (1 - f)
= dag = dg * (1 - g**2)
candidate-without-slope: dag = dg
candidate-slope-at-preactivation: dag = dg * (1 - ag**2)
candidate-slope-without-square: dag = dg * (1 - g)
candidate-slope-of-sigmoid: dag = dg * g * (1 - g)
candidate-slope-tanh-twice: dag = dg * (1 - np.tanh(g) ** 2)
candidate-sign: dag = -dg * (1 - g**2)
candidate-from-di: dag = di * (1 - g**2)
= da = np.hstack((dai, daf, dao, dag))
packed-g-for-o: da = np.hstack((dai, daf, dag, dao))
packed-i-for-f: da = np.hstack((daf, dai, dao, dag))
packed-f-for-g: da = np.hstack((dai, dag, dao, daf))
= dprev_h = da.dot(Wh.T)
dh-without-output-gate: dprev_h = np.hstack((dai, daf, 0 * dao, dag)).dot(Wh.T)
= return dx, dprev_h, dprev_c, dWx, dWh, db
dh-and-dc-exchanged: return dx, dprev_c, dprev_h, dWx, dWh, db
all-means: return dx, dprev_h, dprev_c, dWx / B, dWh / B, db / B
"""

PEEPHOLE_FORWARD = """
= ao = a[:, 2 * H : 3 * H] + Po * next_c
output-reads-last-cell: ao = a[:, 2 * H : 3 * H] + Po * prev_c
output-without-peephole: ao = a[:, 2 * H : 3 * H]
output-reads-tanh: ao = a[:, 2 * H : 3 * H] + Po * np.tanh(next_c)
= g = np.tanh(a[:, 3 * H :])
candidate-reads-cell: g = np.tanh(a[:, 3 * H :] + Pi * prev_c)
= ai = a[:, :H] + Pi * prev_c
input-reads-h: ai = a[:, :H] + Pi * prev_h
input-without-peephole: ai = a[:, :H]
input-reads-tanh: ai = a[:, :H] + Pi * np.tanh(prev_c)
= af = a[:, H : 2 * H] + Pf * prev_c
forget-reads-h: af = a[:, H : 2 * H] + Pf * prev_h
forget-without-peephole: af = a[:, H : 2 * H]
= o = sigmoid(ao)
output-peephole-after-sigmoid: o = sigmoid(a[:, 2 * H : 3 * H]) + Po * next_c
= Pi, Pf, Po = P[:H], P[H : 2 * H], P[2 * H :]
peepholes-f-and-o-exchanged: Pi, Po, Pf = P[:H], P[H : 2 * H], P[2 * H :]
peepholes-i-and-f-exchanged: Pf, Pi, Po = P[:H], P[H : 2 * H], P[2 * H :]
"""

PEEPHOLE_BACKWARD = """
= dao = do * o * (1 - o)
output-without-slope: dao = do
output-slope-half: dao = do * (1 - o)
output-slope-other-half: dao = do * o
= daf = df * f * (1 - f)
forget-without-slope: daf = df
forget-slope-half: daf = df * (1 - f)
forget-slope-other-half: daf = df * f
= dai = di * i * (1 - i)
input-without-slope: dai = di
input-slope-half: dai = di * (1 - i)
input-slope-other-half: dai = di * i
= dc = dc + dao * Po
third-path-missing: dc = dc + 0 * dao
= dPo = (dao * next_c).sum(axis=0)
output-peephole-of-last-cell: dPo = (dao * prev_c).sum(axis=0)
= by_f = daf * Pf
path-by-forget-missing: by_f = 0
= by_i = dai * Pi
path-by-input-missing: by_i = 0
= dprev_c = direct + by_f + by_i
both-paths-to-last-cell-missing: dprev_c = direct
= dPf = (daf * prev_c).sum(axis=0)
forget-peephole-of-new-cell: dPf = (daf * next_c).sum(axis=0)
= dPi = (dai * prev_c).sum(axis=0)
input-peephole-of-new-cell: dPi = (dai * next_c).sum(axis=0)
= dg = dc * i
di-and-dg-exchanged: dg = dc * g; di = dc * i
df-and-di-exchanged: dg = dc * i; df, di = di, df
= direct = dc * f
carried-dc-without-f: direct = dc
carried-dc-zero: direct = 0
= return dx, dprev_h, dprev_c, dWx, dWh, db, dP
all-means: return dx, dprev_h, dprev_c, dWx / B, dWh / B, db / B, dP / B
= dP = np.hstack((dPi, dPf, dPo))
dP-zero: dP = np.zeros(3 * H)
dP-mean: dP = np.hstack((dPi, dPf, dPo)) / B
dP-without-cell: dP = np.hstack((dai, daf, dao)).sum(axis=0)
dP-sign: dP = -np.hstack((dPi, dPf, dPo))
dP-of-tanh: dP = np.hstack((dai * np.tanh(prev_c), daf * np.tanh(prev_c), dao * tc)).sum(axis=0)
"""

# Several expressions at once: "old => new" for each.
PEEPHOLE_TOGETHER = {
    "gates-without-slope": [
        ("do * o * (1 - o)", "do"),
        ("di * i * (1 - i)", "di"),
        ("df * f * (1 - f)", "df"),
        ("dg * (1 - g**2)", "dg"),
    ],
    "slopes-without-square": [
        ("do * o * (1 - o)", "do * (1 - o)"),
        ("di * i * (1 - i)", "di * (1 - i)"),
        ("df * f * (1 - f)", "df * (1 - f)"),
        ("dg * (1 - g**2)", "dg * (1 - g)"),
    ],
    "slopes-of-sigmoid": [("dg * (1 - g**2)", "dg * g * (1 - g)")],
    "slopes-of-tanh": [
        ("do * o * (1 - o)", "do * (1 - o**2)"),
        ("di * i * (1 - i)", "di * (1 - i**2)"),
        ("df * f * (1 - f)", "df * (1 - f**2)"),
    ],
    "no-path-by-peepholes": [("dao * Po", "0"), ("daf * Pf", "0"), ("dai * Pi", "0")],
    "path-without-P": [("dao * Po", "dao"), ("daf * Pf", "daf"), ("dai * Pi", "dai")],
}
