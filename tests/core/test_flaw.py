from imagewright.core.flaw import Flaw, Misconfigured


def test_a_flaw_is_one_line() -> None:
    flaw = Flaw(place="acl.toml:3", key="everyone.rate", sentence="It is wrong.", hint="Mend it.")
    assert str(flaw) == "acl.toml:3: everyone.rate: It is wrong. Mend it."
    assert (
        str(Flaw(place="", key="", sentence="It is wrong.", warning=True))
        == "warning: It is wrong."
    )


def test_all_flaws_are_said() -> None:
    flaws = [Flaw(place="a", key="", sentence="One."), Flaw(place="b", key="k", sentence="Two.")]
    assert str(Misconfigured(flaws)) == "a: One.\nb: k: Two."
