"""Mistakes of GRUs and plain networks, written into the programs of this folder by hand."""

GRUS = """
= next_h = z * prev_h + (1 - z) * n
z-exchanged: next_h = (1 - z) * prev_h + z * n
z-missing-at-n: next_h = z * prev_h + n
z-missing-at-h: next_h = prev_h + (1 - z) * n
old-state-not-kept: next_h = (1 - z) * n
h-tanh-outside: next_h = np.tanh(z * prev_h + (1 - z) * n)
r-for-z: next_h = r * prev_h + (1 - r) * n
= r = sigmoid(ar)
tanh-reset-gate: r = np.tanh(ar)
= z = sigmoid(az)
tanh-update-gate: z = np.tanh(az)
= n = np.tanh(an)
sigmoid-candidate: n = sigmoid(an)
candidate-without-tanh: n = an
= dz = dnext_h * (prev_h - n)
dz-without-n: dz = dnext_h * prev_h
dz-without-h: dz = -dnext_h * n
dz-sign: dz = dnext_h * (n - prev_h)
dz-sum: dz = dnext_h * (prev_h + n)
dz-zero: dz = np.zeros_like(dnext_h)
dz-by-new-h: dz = dnext_h * (next_h - n)
= dn = dnext_h * (1 - z)
dn-by-z: dn = dnext_h * z + 0
dn-without-z: dn = dnext_h + 0
dn-sign: dn = -dnext_h * (1 - z)
= direct = dnext_h * z
direct-path-missing: direct = np.zeros_like(dnext_h)
direct-path-without-z: direct = dnext_h
direct-path-by-one-minus-z: direct = dnext_h * (1 - z)
direct-path-by-r: direct = dnext_h * r
= dan = dn * (1 - n**2)
candidate-without-slope: dan = dn
candidate-slope-without-square: dan = dn * (1 - n)
candidate-slope-of-sigmoid: dan = dn * n * (1 - n)
candidate-slope-tanh-twice: dan = dn * (1 - np.tanh(n) ** 2)
candidate-slope-at-preactivation: dan = dn * (1 - an**2)
candidate-zero: dan = np.zeros_like(dn)
= dar = dr * r * (1 - r)
reset-from-dz: dar = dz * r * (1 - r)
reset-without-slope: dar = dr
reset-slope-of-tanh: dar = dr * (1 - r**2)
reset-slope-half: dar = dr * (1 - r)
reset-slope-other-half: dar = dr * r
reset-slope-of-sigmoid-twice: dar = dr * sigmoid(r) * (1 - sigmoid(r))
reset-slope-at-preactivation: dar = dr * ar * (1 - ar)
reset-sign: dar = -dr * r * (1 - r)
= daz = dz * z * (1 - z)
update-from-dr: daz = dr * z * (1 - z)
update-without-slope: daz = dz
update-slope-of-tanh: daz = dz * (1 - z**2)
update-slope-half: daz = dz * (1 - z)
update-slope-other-half: daz = dz * z
update-slope-of-sigmoid-twice: daz = dz * sigmoid(z) * (1 - sigmoid(z))
update-slope-at-preactivation: daz = dz * az * (1 - az)
update-sign: daz = -dz * z * (1 - z)
"""

GRU = """
= an = ax[:, 2 * H :] + r * q
r-not-used: an = ax[:, 2 * H :] + q
z-for-r: an = ax[:, 2 * H :] + z * q
r-outside-the-bias: an = ax[:, 2 * H :] + r * ah[:, 2 * H :] + bn
r-before-the-product: an = ax[:, 2 * H :] + (r * prev_h).dot(Wh[:, 2 * H :]) + bn
r-around-all: an = r * (ax[:, 2 * H :] + q)
= ah = prev_h.dot(Wh)
past-not-read: ah = np.zeros((len(x), 3 * H))
= ax = x.dot(Wx) + b
bias-missing: ax = x.dot(Wx)
= dr = dan * q
dr-without-bias: dr = dan * (q - bn)
dr-by-h: dr = dan * prev_h
dr-without-q: dr = dan
dr-zero: dr = np.zeros_like(dan)
dr-sign: dr = -dan * q
dr-before-slope: dr = dn * q
= dq = dan * r
dq-without-r: dq = dan
dq-by-z: dq = dan * z
dq-zero: dq = np.zeros_like(dan)
= dbn = dq.sum(axis=0)
recurrent-bias-gets-da: dbn = dan.sum(axis=0)
recurrent-bias-mean: dbn = dq.mean(axis=0)
recurrent-bias-zero: dbn = np.zeros_like(bn)
= dax = np.hstack((dar, daz, dan))
bias-gets-dq: dax = np.hstack((dar, daz, dq))
= return dx, dprev_h, dWx, dWh, db, dbn
all-means: return dx, dprev_h, dWx / B, dWh / B, db / B, dbn / B
"""

GRU_TOGETHER = {
    "recurrent-bias-missing": [
        ("q = ah[:, 2 * H :] + bn", "q = ah[:, 2 * H :]"),
        ("q = prev_h.dot(Wh[:, 2 * H :]) + bn", "q = prev_h.dot(Wh[:, 2 * H :])"),
    ],
    "recurrent-bias-twice": [
        ("q = ah[:, 2 * H :] + bn", "q = ah[:, 2 * H :] + bn + bn"),
        ("q = prev_h.dot(Wh[:, 2 * H :]) + bn", "q = prev_h.dot(Wh[:, 2 * H :]) + bn + bn"),
    ],
    "past-not-read": [
        ("ah = prev_h.dot(Wh)", "ah = np.zeros((len(x), 3 * H))"),
        ("q = prev_h.dot(Wh[:, 2 * H :]) + bn", "q = bn"),
    ],
    "packed-r-for-z": [
        ("np.hstack((dar, daz, dan))", "np.hstack((daz, dar, dan))"),
        ("np.hstack((dar, daz, dq))", "np.hstack((daz, dar, dq))"),
    ],
    "h-of-this-step": [
        ("dz = dnext_h * (prev_h - n)", "prev_h = next_h; dz = dnext_h * (prev_h - n)"),
    ],
}

GRU_RESET_BEFORE_TOGETHER = {
    "h-of-this-step": [
        ("dz = dnext_h * (prev_h - n)", "prev_h = next_h; dz = dnext_h * (prev_h - n)"),
    ],
}

GRU_RESET_BEFORE = """
= an = ax[:, 2 * H :] + s.dot(Un)
r-after-the-product: an = ax[:, 2 * H :] + r * prev_h.dot(Un)
past-not-read: an = ax[:, 2 * H :]
candidate-bias-missing: an = ax[:, 2 * H :] + s.dot(Un) - b[2 * H :]
r-not-used: an = ax[:, 2 * H :] + prev_h.dot(Un)
z-for-r: an = ax[:, 2 * H :] + (z * prev_h).dot(Un)
= ds = dan.dot(Un.T)
ds-not-transposed: ds = dan.dot(Un)
ds-zero: ds = np.zeros_like(dan)
= dr = ds * prev_h
dr-zero: dr = np.zeros_like(ds)
dr-without-h: dr = ds
dr-sign: dr = -ds * prev_h
dr-by-new-h: dr = ds * next_h
dr-from-da: dr = dan * prev_h
= by_reset = ds * r
reset-path-without-r: by_reset = ds
reset-path-missing: by_reset = 0
reset-path-by-z: by_reset = ds * z
= by_z = daz.dot(Uz.T)
path-through-z-missing: by_z = 0
path-through-z-not-transposed: by_z = daz.dot(Uz)
= by_r = dar.dot(Ur.T)
path-through-r-missing: by_r = 0
path-through-r-not-transposed: by_r = dar.dot(Ur)
= dUn = s.T.dot(dan)
dU-by-h: dUn = prev_h.T.dot(dan)
dU-candidate-zero: dUn = np.zeros((H, H))
dU-candidate-transposed: dUn = dan.T.dot(s)
= dUr = prev_h.T.dot(dar)
dU-reset-by-s: dUr = s.T.dot(dar)
= dUz = prev_h.T.dot(daz)
dU-update-by-s: dUz = s.T.dot(daz)
dU-update-by-new-h: dUz = next_h.T.dot(daz)
= return dx, dprev_h, dWx, dWh, db
all-means: return dx, dprev_h, dWx / B, dWh / B, db / B
"""

RNN = """
= next_h = np.tanh(a)
sigmoid-for-tanh: next_h = sigmoid(a)
without-activation: next_h = a
activation-twice: next_h = np.tanh(np.tanh(a))
= a = x.dot(Wx) + prev_h.dot(Wh) + b
bias-missing: a = x.dot(Wx) + prev_h.dot(Wh)
bias-twice: a = x.dot(Wx) + b + prev_h.dot(Wh) + b
past-not-read: a = x.dot(Wx) + b
U-transposed: a = x.dot(Wx) + prev_h.dot(Wh.T) + b
= da = dnext_h * (1 - next_h**2)
without-slope: da = dnext_h
slope-without-square: da = dnext_h * (1 - next_h)
slope-of-sigmoid: da = dnext_h * next_h * (1 - next_h)
slope-at-preactivation: da = dnext_h * (1 - a**2)
slope-tanh-twice: da = dnext_h * (1 - np.tanh(next_h) ** 2)
slope-at-last-h: da = dnext_h * (1 - prev_h**2)
sign: da = -dnext_h * (1 - next_h**2)
= dprev_h = da.dot(Wh.T)
dh-past-the-matrix: dprev_h = da
dh-and-the-old: dprev_h = da.dot(Wh.T) + dnext_h
= return dx, dprev_h, dWx, dWh, db
all-means: return dx, dprev_h, dWx / B, dWh / B, db / B
"""
