"""Mistakes of sums and of the loop over time, written into the programs of this folder by hand."""
# ruff: noqa: E501 (one line for one mistake)

AFFINE = """
= dWx = x.T.dot(DA)
dW-zero: dWx = np.zeros_like(Wx)
dW-mean: dWx = x.T.dot(DA) / B
dW-sign: dWx = -x.T.dot(DA)
dW-one-row: dWx = np.outer(x[0], DA[0])
= db = DA.sum(axis=0)
db-mean: db = DA.mean(axis=0)
db-zero: db = np.zeros_like(DA[0])
db-one-row: db = DA[0]
= dx = DA.dot(Wx.T)
dx-zero: dx = np.zeros_like(x)
dx-reshaped: dx = DA.dot(Wx.reshape(Wx.shape[1], Wx.shape[0]))
dx-sign: dx = -DA.dot(Wx.T)
dx-mean: dx = DA.dot(Wx.T) / B
"""

RECURRENT = """
= dWh = prev_h.T.dot(DH)
dU-zero: dWh = np.zeros_like(Wh)
dU-by-new-h: dWh = next_h.T.dot(DH)
dU-mean: dWh = prev_h.T.dot(DH) / B
dU-transposed: dWh = np.hstack([DH[:, k : k + H].T.dot(prev_h) for k in range(0, Wh.shape[1], H)])
dU-sign: dWh = -prev_h.T.dot(DH)
= dprev_h = DH.dot(Wh.T)
dh-zero: dprev_h = np.zeros_like(prev_h)
dh-reshaped: dprev_h = DH.dot(Wh.reshape(-1, H))
dh-not-transposed: dprev_h = sum(DH[:, k:k+H].dot(Wh[:, k:k+H]) for k in range(0, Wh.shape[1], H))
dh-sign: dprev_h = -DH.dot(Wh.T)
"""

LOOP = """
= arriving = dh + dhs[:, t]
outputs-before-the-last: arriving = dh + (dhs[:, t] if t == T - 1 else 0 * dh)
outputs-not-used: arriving = dh + 0
carried-dh-not-added: arriving = dhs[:, t]
carried-dh-lost: arriving = dhs[:, t] + (dh if t == T - 1 else 0 * dh)
outputs-one-step-late: arriving = dh + dhs[:, t - (t > 0)]
outputs-in-reverse: arriving = dh + dhs[:, T - 1 - t]
= for t in reversed(range(T)):
first-step-left-out: for t in range(T - 1, 0, -1):
last-step-left-out: for t in range(T - 2, -1, -1):
steps-in-order: for t in range(T):
= cache = caches[t]
input-of-the-step-before: cache = (caches[t - (t > 0)][0], *caches[t][1:])
= [s + d for s, d in zip(sums, dweights)]
gradients-overwritten: dweights
dW-overwritten: [dweights[0], *(s + d for s, d in zip(sums[1:], dweights[1:]))]
dU-overwritten: [sums[0] + dweights[0], dweights[1], *(s + d for s, d in zip(sums[2:], dweights[2:]))]
db-overwritten: [*(s + d for s, d in zip(sums[:2], dweights[:2])), dweights[2], *(s + d for s, d in zip(sums[3:], dweights[3:]))]
gradients-twice: [s + d * (1 + (t == T - 1)) for s, d in zip(sums, dweights)]
= np.stack(dx, axis=1), dh
dx-one-step-late: np.stack(dx[-1:] + dx[:-1], axis=1), dh
dx-one-step-early: np.stack(dx[1:] + dx[:1], axis=1), dh
dx-in-reverse: np.stack(dx[::-1], axis=1), dh
dx-of-one-step: np.stack([dx[0]] + [0 * d for d in dx[1:]], axis=1), dh
dx-added-up: np.stack([sum(dx)] * T, axis=1), dh
"""

# Of a fourth parameter: b_recurrent of a GRU, P of peepholes.
LOOP_OF_FOURTH = """
= [s + d for s, d in zip(sums, dweights)]
dFOURTH-overwritten: [*(s + d for s, d in zip(sums[:3], dweights[:3])), dweights[3]]
"""

# With h and c, and with h alone.
LOOP_HC = """
= before = h, c
state-not-fed-back: before = h0, c0
cell-not-fed-back: before = h, c0
= h, c = h0, c0
initial-state-not-read: h, c = 0 * h0, 0 * c0
cell-begins-with-zeros: h, c = h0, 0 * c0
= dhs[:, t], dc
carried-dc-lost: dhs[:, t], (dc if t == T - 1 else 0 * dc)
carried-dc-not-added: dhs[:, t], 0 * dc
= dh, dc = dh_last, dc_last
final-gradient-not-used: dh, dc = 0 * dh_last, 0 * dc_last
final-h-not-used: dh, dc = 0 * dh_last, dc_last
= dx[t], dh, dc, *dweights = step_backward(*arriving, cache)
carry-cut: dx[t], dh, dc, *dweights = step_backward(*arriving, cache); dh, dc = 0 * dh, 0 * dc
carry-added-to-the-old: old = arriving; dx[t], dh, dc, *dweights = step_backward(*arriving, cache); dh, dc = dh + old[0], dc + old[1]
initial-gradient-of-step-one: dx[t], dh, dc, *dweights = step_backward(*arriving, cache); dh, dc = (dh, dc) if t else arriving
= cache = caches[t]
initial-state-as-zero: cache = caches[t] if t else (caches[0][0], 0 * caches[0][1], 0 * caches[0][2], *caches[0][3:])
state-of-this-step: cache = (caches[t][0], *caches[t][-2:], *caches[t][3:])
state-always-initial: cache = (caches[t][0], *caches[0][1:3], *caches[t][3:])
state-two-steps-back: cache = (caches[t][0], *caches[t - (t > 0)][1:3], *caches[t][3:])
= dh, dc, *sums
gradients-averaged: dh, dc, *(s / T for s in sums)
initial-gradient-missing: 0 * dh, 0 * dc, *sums
initial-c-gradient-missing: dh, 0 * dc, *sums
= return np.stack(dx, axis=1), dh, dc, *sums
everything-averaged: return tuple(s / len(dh) for s in (np.stack(dx, axis=1), dh, dc, *sums))
"""

LOOP_H = """
= before = h
state-not-fed-back: before = h0
= h = h0
initial-state-not-read: h = 0 * h0
= dh = dh_last
final-gradient-not-used: dh = 0 * dh_last
= dx[t], dh, *dweights = step_backward(arriving, cache)
carry-cut: dx[t], dh, *dweights = step_backward(arriving, cache); dh = 0 * dh
carry-added-to-the-old: dx[t], dh, *dweights = step_backward(arriving, cache); dh = dh + arriving
initial-gradient-of-step-one: dx[t], dh, *dweights = step_backward(arriving, cache); dh = dh if t else arriving
= cache = caches[t]
initial-state-as-zero: cache = caches[t] if t else (caches[0][0], 0 * caches[0][1], *caches[0][2:])
state-of-this-step: cache = (caches[t][0], caches[t][-1], *caches[t][2:])
state-always-initial: cache = (caches[t][0], caches[0][1], *caches[t][2:])
state-two-steps-back: cache = (caches[t][0], caches[t - (t > 0)][1], *caches[t][2:])
= dh, *sums
gradients-averaged: dh, *(s / T for s in sums)
initial-gradient-missing: 0 * dh, *sums
= return np.stack(dx, axis=1), dh, *sums
everything-averaged: return tuple(s / len(dh) for s in (np.stack(dx, axis=1), dh, *sums))
"""
