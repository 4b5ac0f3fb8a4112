"""How many random draws a sampler needs before it proposes. Imports no sampler, which would take seconds."""

TPE_DRAWS, GP_DRAWS, CURVES_DRAWS = 10, 10, 12


def draws_before(sampler: str, slots: int) -> int:
    """How many trials must have ended (for curves: begun) before the sampler proposes; till then values are random.

    Args:
        sampler: tpe, gp, curves, random or grid; the latter two do not learn from trials.
        slots: how many trials run at once. With few, TPE may begin earlier, because each proposal knows more trials.
    """
    if sampler == "tpe":
        return min(TPE_DRAWS, max(5, 3 * slots))
    return {"gp": GP_DRAWS, "curves": CURVES_DRAWS}.get(sampler, 0)
