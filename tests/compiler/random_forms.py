"""Expressions of one value, ``{0}``, or of two, from which random lines are made; ``{A}`` is a regular symmetric matrix."""

SAFE = """
np.sin({0}) | np.cos({0}) | np.tanh({0}) | np.arctan({0}) | np.exp({0}) | np.sinh({0}) | np.cosh({0}) | np.arcsinh({0})
np.expm1({0}) | np.square({0}) | -{0} | np.abs({0}) | {0} ** 2 | {0} ** 3 | 1 / (1.5 + {0} ** 2) | np.log(1.5 + {0} ** 2)
np.sqrt(0.3 + {0} ** 2) | np.log1p({0} ** 2) | np.cbrt(1.2 + {0} ** 2) | np.clip({0}, -0.7, 0.9) | np.maximum({0}, 0.1)
np.minimum({0}, 0.3) | np.sign({0}) | np.floor({0}) | np.tan(0.3 * {0}) | np.arcsin(0.9 * np.tanh({0}))
np.arccos(0.8 * np.sin({0})) | np.exp2({0}) | np.log2(1.5 + {0} ** 2) | np.log10(1.1 + np.abs({0}))
np.arccosh(1.5 + {0} ** 2) | np.arctanh(0.5 * np.tanh({0})) | np.sinc({0}) | np.nan_to_num({0})
np.reciprocal(2.5 + np.sin({0})) | (1.2 + {0} ** 2) ** -1.5 | (0.7 + {0} ** 2) ** 0.5 | np.float_power(0.7 + {0} ** 2, 1.3)
2.0 ** {0} | np.where({0} > 0.2, {0}, 0.5) | np.where({0} < 0, np.sin({0}), {0} ** 2) | {0} * ({0} > 0.1) | np.positive({0})
{0}.copy() | scipy.special.erf({0}) | scipy.special.expit({0}) | scipy.special.gammaln(1.5 + {0} ** 2) | scipy.special.j0({0})
scipy.special.log_expit({0}) | np.deg2rad(30 * {0}) | np.heaviside({0}, 0.5) | np.ceil({0}) | np.trunc(3 * {0}) | np.rint({0})
np.fabs({0}) | np.conjugate({0}) | np.real({0})
"""
TWO = """
{0} + {1} | {0} - {1} | {0} * {1} | {0} * {1} | {0} / (1.5 + {1} ** 2) | np.maximum({0}, {1}) | np.minimum({0}, {1})
np.fmax({0}, {1}) | np.where({0} > {1}, {0}, {1} ** 2) | np.arctan2({0}, 1.5 + {1} ** 2) | np.hypot({0}, 0.5 + {1} ** 2)
np.logaddexp({0}, {1}) | (0.6 + {0} ** 2) ** {1} | np.power(1.1 + {0} ** 2, {1}) | {0} * ({1} > 0) | np.copysign({0}, {1})
scipy.special.xlogy({0}, 0.4 + {1} ** 2) | np.where(({0} > 0) & ({1} < 0.5), {1}, -{0})
np.where(np.logical_or({0} > 1, {1} > 1), {0} * {1}, {0}) | np.fmod({0}, 1.5 + {1} ** 2) | np.where(~({0} >= {1}), {0}, 0.0)
np.add({0}, {1}) | np.subtract({1}, {0}) | np.multiply({0}, {1}) | np.true_divide({0}, 2 + np.cos({1}))
np.multiply.outer({0}, {1}) | np.outer({0}, {1}) | np.kron({0}, {1}) | np.remainder({0}, 1.5 + {1} ** 2)
np.float_power(1.3 + {0} ** 2, {1})
"""
ONE_SHAPE = """
{0}.T | {0}.ravel() | {0}.reshape(-1) | {0}[None] | {0}[..., None] | {0}[::-1] | np.flip({0}) | np.atleast_2d({0})
np.squeeze({0}) | np.cumsum({0}) | np.diff({0}) | np.sort({0}) | np.sort({0}, axis=None) | np.cumprod(0.5 * {0})
np.tile({0}, 2) | np.repeat({0}, 2) | np.roll({0}, 1) | np.roll({0}, -2, axis=-1) | np.pad({0}, 1)
np.pad(np.atleast_1d({0}), 2, mode="edge") | np.pad(np.atleast_1d({0}), 1, mode="wrap")
np.pad(np.atleast_1d({0}), 1, mode="reflect") | np.pad({0}, (1, 0), constant_values=0.5) | np.stack([{0}, {0} ** 2])
np.stack([{0}, np.sin({0})], axis=-1) | np.concatenate([{0}, {0}[::-1]]) | np.concatenate([{0}[1:], {0}[:1]])
np.concatenate([{0}[..., 1:], 2 * {0}[..., :-1]], axis=-1) | {0}[1:] - {0}[:-1] | {0}[..., 1:] * {0}[..., :-1]
{0}[2:] - 2 * {0}[1:-1] + {0}[:-2] | np.diag({0}) | np.diagonal({0}) | np.trace({0}) | np.triu({0}) | np.tril({0}, -1)
np.swapaxes({0}, 0, -1) | np.moveaxis({0}, 0, -1) | np.rot90({0}) | np.linalg.norm({0} + 3) | np.split({0}, [1])[1]
np.array_split({0}, 2)[0] | {0}.T.reshape({0}.shape) | np.broadcast_to({0}, (2, *{0}.shape)) | np.vstack([{0}, {0} + 1])
np.hstack([{0}, {0} - 1]) | np.gradient({0}) | np.linalg.norm({0} + 2, axis=-1) | {0}[{0} > 0.1] * 1.0 | np.median({0})
np.convolve(np.ravel({0}), [0.5, -1, 0.25]) | np.ptp({0}) | np.append({0}, 0.5) | np.delete({0}, 0, axis=0)
np.interp({0}, [-2, 0, 1, 2], [1.0, 3, -1, 0.5]) | np.fft.irfft(np.fft.rfft({0}), n={0}.shape[-1]) | np.real(np.fft.fft({0}))
{0}.flatten()
"""
PRODUCTS = """
{0} @ {1} | {0}.T @ {1} | {0} @ {1}.T | {0} @ {0}.T | np.dot({0}, {1}) | np.inner({0}, {1}) | np.vdot({0}, {1})
np.tensordot({0}, {1}, 1) | np.tensordot({0}, {1}, 0) | np.tensordot({0}, {1}, ([0], [0])) | np.einsum("i,i->", {0}, {1})
np.einsum("ij,ij->i", {0}, {1}) | np.einsum("ij,j", {0}, {1}) | np.einsum("ij,kj->ik", {0}, {1})
np.einsum("ij,jk->ki", {0}, {1}) | np.einsum("i,j->ij", {0}, {1}) | np.einsum("ij->j", {0}) | np.einsum("ii->i", {0})
np.einsum("ii", {0}) | np.einsum("...i,...i->...", {0}, {1}) | np.einsum("ij->ji", {0}) | np.einsum("ij,j,i->", {0}, {1}, {1})
np.matvec({0}, {1}) | np.einsum("ij,jk,kl->il", {0}, {0}.T, {0}) | np.einsum("ijk,kl->ijl", {0}, {1})
np.einsum("bij,bjk->bik", {0}, {0}) | np.einsum("i,i,i->i", {0}, {1}, {0}) | np.matmul({0}, {1}) | np.cross({0}, {1})
np.vecdot({0}, {1}) | np.linalg.multi_dot([{0}, {0}.T, {0}]) | np.convolve(np.ravel({0}), np.ravel({1}))
"""
MATRICES = """
np.linalg.inv({A}) | np.linalg.solve({A}, {0}) | np.linalg.det({A}) | np.linalg.slogdet({A})[1] | np.linalg.cholesky({A})
np.linalg.eigvalsh({A}) | np.linalg.qr({A})[1] | hoad.scipy.linalg.expm(0.1 * {A}) | np.linalg.solve({A}, np.sin({0}))
np.linalg.matrix_power(0.4 * {A}, 3) | np.linalg.svdvals({A})
"""
LOOPS = """
hoad.fori_loop(0, 4, lambda i, c: 0.5 * c + np.sin({0}), {0})
hoad.fori_loop(1, 4, lambda i, c: np.tanh(c) * 0.7 + 0.1 * i, {0})
hoad.scan(lambda c, x: (np.tanh(c + x), c * x), np.zeros_like({0}[0]), {0})[1]
hoad.scan(lambda c, x: (0.5 * c + x, None), {0}[0], {0})[0]
hoad.scan(lambda c, x: (np.cos(c) * np.sum(x), x[::-1] * c), dtype.type(0.3), {0})[1]
hoad.scan(lambda c, x: (c + x, np.sin(c)), {0}[-1], {0}, reverse=True)[1]
hoad.scan(lambda c, x: ((c[1], 0.4 * c[0] + x), c[0]), ({0}[0], np.ones_like({0}[0])), {0})[1]
hoad.fori_loop(0, 3, lambda i, c: 0.3 * c @ c + {0}, {0})
hoad.scan(lambda c, _: (0.6 * np.roll(c, 1) + {0} ** 2, np.max(c)), {0}, None, length=5)[1]
hoad.fori_loop(0, 0, lambda i, c: 2 * c, {0})
"""
LARGE = """
{0}[1:] - {0}[:-1] | {0}[2:] - 2 * {0}[1:-1] + {0}[:-2] | np.pad({0}, 1)[..., 1:] | np.concatenate([{0}[1:], {0}[:1]])
{0}[::-1] * {0} | {0}.T | np.roll({0}, 3) * {0} | np.sum({0}, axis=-1) / 100 | np.mean({0} * {1}) + {0} | np.max({0}) - {0}
{0} @ {0}.T / 1e3 | np.sum({0}, axis=0) / 50 | {0}.reshape(-1) | np.sum({0} * {1}) / 1e5
np.dot({0}.ravel(), {1}.ravel()) / 1e5 | np.cumsum({0}) / 1e3 | np.where({0} > 0, {0}, {1}[..., :1])
np.linalg.norm({0}) / 1e3
"""
EXACT = """
{0} + {1} | {0} - {1} | {0} * {1} | {0} / {1} | np.maximum({0}, {1}) | np.minimum({0}, {1}) | np.fmax({0}, {1})
np.fmin({0}, {1}) | -{0} | np.abs({0}) | np.where({0} > {1}, {0}, {1}) | np.where({0} <= {1}, {0}, 0.0)
np.where(np.isnan({0}), {1}, {0}) | np.where(np.signbit({0}), 1.0, {0}) | np.sign({0}) | np.floor({0}) | np.sqrt({0})
{0} * 0 | {0} + 0.0 | {0} - 0.0 | 0.0 - {0} | {0} * -1.0 | 1.0 * {0} | {0} / 2 | {0} * ({1} > 0) | 1 / {0}
np.copysign({0}, {1}) | np.where({0} == {1}, {0}, -0.0) | np.where({0} != {0}, {0}, {1}) | np.isinf({0}) * {1} | np.ceil({0})
np.rint({0}) | np.clip({0}, -1, 1) | {0} ** 2 | np.square({0}) | np.logical_and({0}, {1}) * 1.0 | np.exp({0}) | np.tanh({0})
np.log({0}) | np.sin({0}) | np.arctan({0}) | np.expm1({0}) | np.log1p({0}) | {0} ** 0.5 | {0} ** -1 | {0} ** 3 | np.cbrt({0})
np.sinh({0}) | np.cosh({0}) | np.cos({0}) | np.hypot({0}, {1}) | np.arctan2({0}, {1}) | {0} ** {1}
"""
EXACT_SHAPES = """
{0}.T | {0}.ravel() | {0}[None] | {0}[::-1] | np.roll({0}, 1) | np.pad({0}, 1) | np.pad({0}, (0, 1), constant_values=-0.0)
np.stack([{0}, -{0}]) | np.concatenate([{0}, {0}[::-1]]) | {0}[1:] + {0}[:-1] | {0}[..., 1:] * {0}[..., :-1] | np.max({0})
np.min({0}) | np.sum({0}) | np.prod({0}) | np.max({0}, axis=-1) | np.min({0}, axis=0) | np.sum({0}, axis=0)
np.sum({0}, axis=-1, keepdims=True) | np.cumsum({0}) | np.triu({0}) | np.tile({0}, 2)
"""
