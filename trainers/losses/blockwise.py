"""The AFCL and its gradient in one walk over blocks of anchors, in memory that grows as N and not as N².

`trainers.losses.afcl.plain_form` defines the numbers. Automatic differentiation of it keeps nine [N, N] matrices at a
time; here there are six of [block, N], and each block leaves behind one term per anchor and its part of the gradient.

With s_ij = z_i·z_j / τ and L_i the loss of an anchor (see `asymmetric_focal_contrastive_loss`), a pair's slope is

    g_ij = ∂L_i / ∂log p_ij = - 1/A_i · (1 - p_ij)^γ (1 - γ o_ij log p_ij)     j in P(i),  with o_ij = p_ij / (1 - p_ij)
                            = η/B_i · o_ij                                     j in N(i)

and, as ∂log p_ij / ∂s_ik is 1 - p_ik for k = j and -p_ik elsewhere,

    m_ik = ∂L_i / ∂s_ik = g_ik - p_ik · sum over j of g_ij            ∂(sum of L_i) / ∂z = (m + mᵀ) z / τ.

If p_ij nears 1, o_ij grows without bound while m_ik does not. Only column t, with the largest logit of the row, can
have such a p_it. So column t enters by its slope in log-odds, u_i = g_it (1 - p_it), which is bounded. With G_i the sum
of g_ij over the columns other than t, and r_ik = p_ik / (1 - p_it) the share of column k among them:

    m_ik = g_ik - r_ik ((1 - p_it) G_i + u_i)    for k ≠ t            m_it = u_i - p_it G_i
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

# Elements of a [block, N] matrix, and the least rows of one, on a CPU: six matrices of 2 MB in float32 stay within a
# core's share of the cache, and 64 rows keep the matrix products quick. CPU time of one thread of an AMD EPYC, as a
# ratio to that of 128 rows: for N = 512, .85 in one block; for N = 4096, 1.19 at 16 rows, 1.09 at 32, 1.04 at 64, 1.00
# at 256 and 1.18 at 512; for N = 16,384, .98 at 64 and 1.07 at 256. Automatic differentiation of plain_form took longer
# than this at every N from 16 to 4096, so it is used for no N (except with create_graph=True).
BLOCK_ELEMENTS = 2**19
LEAST_ROWS = 64
# Elements of such a matrix on a GPU, where a block costs some forty launches. On an H200, for N = 4096: 44 ms with
# 64 rows, 3.0 with 1,024 and 2.1 in one block; for N = 65,536: 441 ms with 256 rows, 389 with 1,024 and 368 with
# 16,384. A GPU computes in blocks only in float64, or if `trainers.losses.fused` has no kernel for it.
GPU_BLOCK_ELEMENTS = 2**24


@torch.no_grad()
def loss_in_blocks(
    z: Tensor,
    labels: Tensor,
    *,
    eta: float,
    gamma: float,
    temperature: float,
    normalize_by: Literal["batch", "positives"],
    with_gradient: bool = True,
    block_rows: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The loss of a batch and its gradient with respect to z; see the head of this file for the formula.

    The same input gives the same bits: blocks are walked in order, and no scatter writes to an element twice.

    Args:
        z: [N, D] unit rows, N ≥ 3, float32 or float64; already checked. Autograd does not record what is done with z.
        labels: [N] integers.
        eta, gamma, temperature, normalize_by: as for `asymmetric_focal_contrastive_loss`.
        with_gradient: False leaves the gradient out, which saves a third of the time.
        block_rows: anchors per block; None: as many as were quickest in measurements.

    Returns:
        The loss, a scalar, and its gradient, [N, D], both in the type of z. The gradient is None without
        `with_gradient`.
    """
    N = len(z)
    elements = BLOCK_ELEMENTS if z.device.type == "cpu" else GPU_BLOCK_ELEMENTS
    block_rows = min(N, block_rows or max(LEAST_ROWS, elements // N))
    centre = z.mean(0)
    centred = z - centre  # the same p_ij, with less lost to rounding; see plain_form
    scaled = z / temperature
    classes, class_sizes = (each.to(z.dtype).unsqueeze(1) for each in _classes(labels))
    pull, push = _weights(class_sizes, eta, normalize_by)

    by_anchor = z.new_empty(N, 1)
    gradient = torch.zeros_like(z) if with_gradient else None
    # Allocated once: with new memory at every step the function took 1.1 times as long. A matrix is named for
    # what it holds at the time; each step overwrites a matrix that no later step needs.
    matrices = z.new_empty(6, block_rows, N)
    for start in range(0, N, block_rows):
        block = slice(start, min(start + block_rows, N))
        logits, r, p, not_p, log_not_p, spare = matrices[:, : block.stop - start]

        # As in plain_form, the row's largest logit is subtracted from all, and its column is treated apart.
        torch.mm(scaled[block], centred.T, out=logits).diagonal(start).fill_(-torch.inf)
        top, column = logits.max(1, keepdim=True)
        others = logits.sub_(top).scatter_(1, column, -torch.inf)
        torch.softmax(others, 1, out=r)
        log_others = others.amax(1, keepdim=True) - r.amax(1, keepdim=True).log()  # log-sum-exp of the others
        log_p_top, log_not_p_top = logsigmoid(-log_others), logsigmoid(log_others)
        p_top, not_p_top = log_p_top.exp(), log_not_p_top.exp()

        # log(1 - p) is the logarithm of the rounded 1 - p, corrected for the rounding: as exact as log1p, which takes 8
        # times as long as log here. p and odds are 0 in the top column and at the anchor itself.
        torch.mul(r, not_p_top, out=p)
        torch.sub(1, p, out=not_p)
        rounded_off = torch.sub(not_p, 1, out=spare).add_(p)
        torch.log(not_p, out=log_not_p).addcdiv_(rounded_off, not_p, value=-1).scatter_(1, column, log_not_p_top)
        odds = p.div_(not_p)
        log_p = others.scatter_(1, column, 0.0).add_(log_p_top)
        log_p.diagonal(start).fill_(0.0)  # from -inf, which no product could mask

        # The terms of the loss. Masks turn into the weights of their pairs, with 0 on all others.
        log2_focal = torch.mul(log_not_p, gamma / math.log(2), out=not_p)
        focal = log2_focal.exp2_()  # (1 - p_ij)^γ; exp takes 2.5 times as long as exp2 here
        negative = torch.sub(classes[block], classes.T, out=spare).abs_().clamp_(max=1)
        negative_sum = log_not_p.mul_(negative).sum(1, keepdim=True)
        positive = torch.sub(1, negative, out=log_not_p).mul_(pull[block])
        positive.diagonal(start).fill_(0.0)
        negative.mul_(push[block])
        term = log_p.mul_(focal.mul_(positive))
        by_anchor[block] = term.sum(1, keepdim=True) + push[block] * negative_sum
        if gradient is None:
            continue

        # The slopes m_ik with respect to the logits.
        u = positive.gather(1, column) * torch.exp(gamma * log_not_p_top) * (not_p_top - gamma * p_top * log_p_top)
        u -= negative.gather(1, column) * p_top
        g = focal.addcmul_(odds, term, value=-gamma).addcmul_(odds, negative, value=-1).scatter_(1, column, 0.0)
        G = g.sum(1, keepdim=True)
        m = g.addcmul_(r, -(not_p_top * G + u)).scatter_(1, column, u - p_top * G)
        # The gradient with respect to z_i as an anchor (rows of m sum to 0, so centred gives the same as z), then as a
        # column.
        if block_rows == N:  # one product for both takes .85 of the time
            torch.addmm(m.sum(0).unsqueeze(1) * centre, torch.add(m, m.T, out=spare), centred, out=gradient)
        else:
            gradient[block].addmm_(m, centred)
            gradient.addmm_(m.T, z[block])
    return by_anchor.sum(), gradient if gradient is None else gradient.div_(temperature)


def _classes(labels: Tensor) -> tuple[Tensor, Tensor]:
    """For each row, a number below N for its class, and the size of this class: both [N]. Does not wait for the device.

    Unlike large labels, numbers below N are exact in float32, and comparing them there is three times as quick as with
    masks of bool.
    """
    labels = labels.long().contiguous()
    in_order = labels.sort().values
    first, end = (torch.searchsorted(in_order, labels, right=right) for right in (False, True))
    return first, end - first


def _weights(class_sizes: Tensor, eta: float, normalize_by: Literal["batch", "positives"]) -> tuple[Tensor, Tensor]:
    """The weights of positive pairs, -1/(N A_i), and of negative pairs, -η/(N B_i): each [N, 1].

    class_sizes: [N, 1], how many rows the class of each row has.
    """
    N = len(class_sizes)
    if normalize_by == "batch":
        return torch.full_like(class_sizes, -1 / N**2), torch.full_like(class_sizes, -eta / N**2)
    return -1 / N / (class_sizes - 1).clamp(min=1), -eta / N / (N - class_sizes).clamp(min=1)
