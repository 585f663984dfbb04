"""What each text has to show: the criteria of its beats, together where several beats share it. The weakest decides."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.texts import inside, outside
from benchmarks.texts.candidate import Candidate
from benchmarks.texts.criteria import Criterion

Needs = tuple[Criterion[Candidate], ...]

READS_WELL: Needs = (
    Criterion("different runs of three", outside.varied, 0.9, decides=False),
    Criterion("words that are one token", outside.whole_words, 0.9, decides=False),
)
ROLES: Mapping[str, Needs] = {
    "said_twice": (
        Criterion("induction head, mean weight", inside.induction, 0.5),
        Criterion("its surest weight", inside.surest_look, 0.7),
        Criterion("looked-up token, probability", inside.looked_up, 0.5),
        Criterion("bits by one head off", inside.bits_without_a_head, 0.3),  # a fifth of the probability: one sees it
        Criterion("bits by four look-up heads off", inside.bits_without_looking_up, 0.5),
        Criterion("bits by its earlier place", inside.bits_by_the_earlier_word, 0.5),
    ),
    "sink": (
        Criterion("weight on the first token", inside.sink_share, 0.9),
        Criterion("with another word there", inside.sink_with_another_word, 0.8),
        Criterion("length of its value, of others'", inside.sink_value, 0.6, at_most=True),
    ),
    "spread": (Criterion("largest standard deviation", inside.spread, 2.0),),
    "outliers": (
        Criterion("farthest, in standard deviations", inside.outlier, 5.0),
        Criterion("growth over the layers", inside.growth, 2.0),
    ),
    "sparse": (
        Criterion("neurons that carry half", inside.few_neurons, 0.08, at_most=True),
        Criterion("negative neurons", inside.negative_neurons, 0.5),
    ),
    "settles_in_the_middle": (
        Criterion("tokens", inside.tokens, 6, decides=False),
        Criterion("probability", inside.settled_in_the_middle, 0.9),
    ),
    "settles_at_the_end": (
        Criterion("from word to word of the text", inside.between_words_of_the_text, 1, decides=False),
        Criterion("probability", inside.settled_at_the_end, 0.5),
    ),
    "loops": (
        Criterion("rounds", outside.rounds_of_the_circle, 4.0),
        Criterion("surer in the last, times", outside.surer_with_each_round, 1.5),
        Criterion("tokens before the circle", outside.before_the_circle, 10.0, at_most=True, decides=False),
    ),
    "ends": (
        Criterion("probability of the end", outside.end_of_text, 0.001),
        Criterion("ends that are reached", outside.ends_reached, 3.0, decides=False),
    ),
    "patching": (
        Criterion("differing tokens", inside.differing_tokens, 1.0, at_most=True, decides=False),
        Criterion("each text's own word comes next", inside.own_next_word, 0.5),
        Criterion("logits apart", inside.logits_apart, 2.0),
        Criterion("handed over to the last token", inside.handed_over, 0.4),
        Criterion("by one head", inside.by_one_head, 0.1),
    ),
    "cut": (
        Criterion("tokens of one word", outside.most_parts, 4.0),
        Criterion("tokens of the other words", outside.other_parts, 1.2, at_most=True),
    ),
    "surprising": (
        Criterion("by a word that is one token", outside.whole_word_surprises, 1, decides=False),
        Criterion("last word, times the next", outside.last_word_surprises, 1.2),
        Criterion("its token, times the next", outside.last_word_has_the_most_surprising_token, 1.0),
    ),
    "relatives": (
        Criterion("nearest row, in standard deviations", outside.relatives, 5.0),
        Criterion("of all its tokens", outside.relatives_of_all, 4.0),
    ),
    "expected": (Criterion("bits, of a uniform guess", outside.learned, 0.5, at_most=True),),
    "preset_sure": (Criterion("likeliest token", outside.surest, 0.8), *READS_WELL),
    "preset_open": (Criterion("equally likely tokens", outside.ways_to_go_on, 20.0), *READS_WELL),
    "preset_spoken": (
        Criterion("closes the quotation", outside.closed_speech, 1.0, decides=False),
        Criterion("different runs of three", outside.varied, 0.9),
        Criterion("words that are one token", outside.whole_words, 0.9),
    ),
}
