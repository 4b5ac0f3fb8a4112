"""The Triton kernel of `trainers.losses.fused`. It is imported only when it is used, because Triton loads slowly."""

import triton
import triton.language as tl


@triton.jit
def _log1p_by_atanh(s):
    """2·atanh(s) for 0 ≤ s ≤ 1/3, by its series up to s^17, with a relative error below 1e-9.

    log(1 + y) = 2·atanh(y / (2 + y)) and log(1 - p) = -2·atanh(p / (2 - p)). The hardware's logarithm has an absolute
    error of up to 2^-22, so for an argument near 1 no digit of its result is right.
    """
    t = s * s
    series = 1.0 / 17
    series = series * t + 1.0 / 15
    series = series * t + 1.0 / 13
    series = series * t + 1.0 / 11
    series = series * t + 1.0 / 9
    series = series * t + 1.0 / 7
    series = series * t + 1.0 / 5
    series = series * t + 1.0 / 3
    return 2 * (s + s * t * series)


@triton.jit
def _softplus(x):
    """log(1 + e^x) of a number x."""
    y = tl.exp(-tl.abs(x))
    return tl.maximum(x, 0.0) + _log1p_by_atanh(y / (2 + y))


@triton.jit
def _exp_or_zero(x, reference):
    """e^(x - reference); 0 if x is -inf, even if the reference is -inf too."""
    return tl.where(x == -float("inf"), 0.0, tl.exp(x - reference))


@triton.jit
def _logits(row, columns, N, anchor, scale):
    """The logits of a tile of the row; -inf for the anchor itself and beyond the end of the row."""
    products = tl.load(row + columns, mask=columns < N, other=0.0)
    return tl.where((columns < N) & (columns != anchor), products * scale, -float("inf"))


@triton.jit
def _is_same(labels, columns, N, label):
    """Whether each column has the anchor's label; False beyond the end of the row."""
    return (columns < N) & (tl.load(labels + columns, mask=columns < N, other=0) == label)


@triton.jit
def _terms(x, same, column, columns, top, log_others, log_p_top, not_p_top, pull, push, gamma):
    """For each column of a tile, its part of the loss, g and r; 0 for the top column, the anchor and beyond the end."""
    other = (x != -float("inf")) & (columns != column)
    x = tl.where(other, x - top, 0.0)
    r = tl.where(other, tl.exp(x - log_others), 0.0)
    p = r * not_p_top
    log_not_p = -_log1p_by_atanh(p / (2 - p))
    odds = p / (1 - p)
    positive = tl.where(other & same, pull, 0.0)
    negative = tl.where(other & (same == 0), push, 0.0)
    focal = tl.exp(gamma * log_not_p) * positive
    term = (x + log_p_top) * focal
    g = focal - gamma * odds * term - odds * negative
    return term + negative * log_not_p, g, r


@triton.jit
def slopes_of_an_anchor(
    products,
    labels,
    by_anchor,
    start,
    N,
    scale,
    eta,
    gamma,
    WITH_GRADIENT: tl.constexpr,
    BY_POSITIVES: tl.constexpr,
    TILE: tl.constexpr,
    TILES: tl.constexpr,
):
    """For one anchor i, write L_i / N into by_anchor, and replace the products z_i·z_k by m_ik / (N τ). scale: 1/τ."""
    number = tl.program_id(0)
    anchor = start + number
    row = products + number.to(tl.int64) * N
    label = tl.load(labels + anchor)
    lanes = tl.arange(0, TILE)

    # the largest logit and its column; the second largest, and the sum of exp(logit - second) over all but the largest
    top, column, second, total = -float("inf"), 0, -float("inf"), 0.0
    alike = 0.0  # rows with the anchor's label, the anchor included
    for tile in range(TILES):
        columns = tile * TILE + lanes
        x = _logits(row, columns, N, anchor, scale)
        alike += tl.sum(_is_same(labels, columns, N, label).to(tl.float32), 0)
        tile_top, tile_column = tl.max(x, 0), tile * TILE + tl.argmax(x, 0)
        others = tl.where(columns == tile_column, -float("inf"), x)
        tile_second = tl.max(others, 0)
        tile_total = tl.sum(_exp_or_zero(others, tile_second), 0)
        loser = tl.minimum(top, tile_top)
        new_second = tl.maximum(loser, tl.maximum(second, tile_second))
        total = (
            total * _exp_or_zero(second, new_second)
            + tile_total * _exp_or_zero(tile_second, new_second)
            + _exp_or_zero(loser, new_second)
        )
        column = tl.where(tile_top > top, tile_column, column)
        top, second = tl.maximum(top, tile_top), new_second
    log_others = second - top + tl.log(total)
    log_p_top, log_not_p_top = -_softplus(log_others), -_softplus(-log_others)
    p_top, not_p_top = tl.exp(log_p_top), tl.exp(log_not_p_top)

    rows = N * 1.0
    pull, push = -1 / rows, -eta / rows
    if BY_POSITIVES:
        pull, push = pull / tl.maximum(alike - 1, 1.0), push / tl.maximum(rows - alike, 1.0)
    else:
        pull, push = pull / rows, push / rows

    loss, G = 0.0, 0.0
    for tile in range(TILES):
        columns = tile * TILE + lanes
        x = _logits(row, columns, N, anchor, scale)
        same = _is_same(labels, columns, N, label)
        part, g, r = _terms(x, same, column, columns, top, log_others, log_p_top, not_p_top, pull, push, gamma)
        loss += tl.sum(part, 0)
        G += tl.sum(g, 0)
    top_is_same = tl.load(labels + column) == label
    focal = tl.exp(gamma * log_not_p_top)
    loss += tl.where(top_is_same, pull * focal * log_p_top, push * log_not_p_top)
    tl.store(by_anchor + anchor, loss)

    if WITH_GRADIENT:
        u = tl.where(top_is_same, pull * focal * (not_p_top - gamma * p_top * log_p_top), -push * p_top)
        for tile in range(TILES):
            columns = tile * TILE + lanes
            x = _logits(row, columns, N, anchor, scale)
            same = _is_same(labels, columns, N, label)
            part, g, r = _terms(x, same, column, columns, top, log_others, log_p_top, not_p_top, pull, push, gamma)
            m = tl.where(columns == column, u - p_top * G, g - r * (not_p_top * G + u))
            tl.store(row + columns, m * scale, mask=columns < N)
