"""Text is shown as what it is, numbers with a sensible precision."""

import pytest

from app.writing import markup


def test_html_in_a_token_is_shown_not_interpreted():
    assert markup.chip('<b>&"') == '<code class="chip ">&lt;b&gt;&amp;&quot;</code>'


def test_markdown_and_latex_in_a_token_are_escaped():
    assert markup.escape_markdown("$x$ **b** :red[y] ![i](u)") == r"\$x\$ \*\*b\*\* \:red\[y\] \!\[i\]\(u\)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2263, "22.6 %"), (0.0004, "< 0.1 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (0.001, "0.1 %")],
)
def test_probabilities_have_one_decimal_of_a_percent(value, text):
    assert markup.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-7.3149, "−7.31"), (0.0, "0"), (12345.6, "12,346"), (0.012345, "0.0123"), (1.2e-7, "1.20e−07"), (float("-inf"), "−∞"),
        (99.94, "99.9"), (3e9, "3.00e+09"),
    ],
)  # fmt: skip
def test_values_have_three_significant_digits(value, text):
    assert markup.significant(value) == text
