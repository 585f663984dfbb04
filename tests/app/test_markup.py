"""Text is shown as what it is."""

import io

import pandas as pd

from app.writing import markup


def test_html_in_a_token_is_shown_not_interpreted():
    assert markup.chip('<b>&"') == '<code class="chip ">&lt;b&gt;&amp;&quot;</code>'


def test_markdown_and_latex_in_a_token_are_escaped():
    assert markup.escape_markdown("$x$ **b** :red[y] ![i](u)") == r"\$x\$ \*\*b\*\* \:red\[y\] \!\[i\]\(u\)"


def test_a_token_of_punctuation_alone_is_quoted_in_a_sentence() -> None:
    assert [markup.code(token) for token in (",", "...", "␣“")] == ["“`,`”", "“`...`”", "`␣“`"]
    assert [markup.code(token) for token in ("␣dog", "a,", "+", "", "`")] == ["`␣dog`", "`a,`", "`+`", "`  `", "`` ` ``"]


def test_a_cell_of_a_csv_file_is_never_a_formula() -> None:
    table = pd.DataFrame(
        {"token": ["=1+1", "+ shortcut", "-", "@a", "\tb", "cat", "a=b"], "x": [-1.5, 2, 3, 4, 5, 6, 7], "=n": [-1] * 7}
    )
    found = pd.read_csv(io.StringIO(markup.csv(table)))
    assert list(found["token"]) == ["'=1+1", "'+ shortcut", "'-", "'@a", "'\tb", "cat", "a=b"]
    assert list(found["x"]) == [-1.5, 2, 3, 4, 5, 6, 7] and list(found.columns) == ["token", "x", "'=n"]
