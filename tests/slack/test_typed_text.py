"""What Slack makes of what people type is taken off again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.slack.typed_text import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  silence  video.*\t2h ", ["silence", "video.*", "2h"]),
        ('silence rule:"my rule" 2h', ["silence", "rule:my rule", "2h"]),
        ("silence rule:\u201cmy rule\u201d 2h", ["silence", "rule:my rule", "2h"]),
        ("silence \u201erule:my rule\u201c 2h", ["silence", "rule:my rule", "2h"]),
        ('silence x 2h 19" rack', ["silence", "x", "2h", "19", "rack"]),
        ("silence x 2h don\u2019t", ["silence", "x", "2h", "don't"]),
        ("silence `video.*` 2h", ["silence", "video.*", "2h"]),
        ('silence `rule:"my rule"` 2h', ["silence", "rule:my rule", "2h"]),
        ("show <http://a.example.com|a.example.com> 7d", ["show", "a.example.com", "7d"]),
        ("show <https://a.example.com>", ["show", "https://a.example.com"]),
        ("silence <#C0412|412> 2h", ["silence", "#412", "2h"]),
        ("ack <#C0412>", ["ack", "#C0412"]),
        ("silence <!subteam^S012|@downloads> 2h", ["silence", "@downloads", "2h"]),
        ("silence <@U012|ada> 2h", ["silence", "@ada", "2h"]),
        ("silence <!here> 2h", ["silence", "@here", "2h"]),
        ("silence x 2h a &amp; b &lt;c&gt; &amp;lt;", ["silence", "x", "2h", "a", "&", "b", "<c>", "&lt;"]),
        ('"" `` ', []),
    ],
)
def test_words_are_what_was_typed(text, words):
    assert words_of(text) == words


@given(st.text())
def test_any_text_has_words_without_quotes(text):
    assert all(word and '"' not in word for word in words_of(text))
