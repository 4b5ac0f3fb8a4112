"""From which trial on a sampler proposes. Needs no sampler, nor its seconds to import."""

TPE_DRAWS, GP_DRAWS = 10, 10


def draws_before(sampler: str, slots: int) -> int:
    """How many trials must have ended in the space before the sampler proposes: until then it draws at random.

    Args:
        sampler: tpe, gp, random or grid; the latter two learn nothing from trials, and need none.
        slots: how many trials run at once. With few, TPE may begin earlier, as each of its proposals knows more.
    """
    if sampler == "tpe":
        return min(TPE_DRAWS, max(5, 3 * slots))
    return GP_DRAWS if sampler == "gp" else 0
