"""Text is shown as what it is."""

from app.writing import markup


def test_html_in_a_token_is_shown_not_interpreted():
    assert markup.chip('<b>&"') == '<code class="chip ">&lt;b&gt;&amp;&quot;</code>'


def test_markdown_and_latex_in_a_token_are_escaped():
    assert markup.escape_markdown("$x$ **b** :red[y] ![i](u)") == r"\$x\$ \*\*b\*\* \:red\[y\] \!\[i\]\(u\)"
