"""A small world in which the truth is known: logic errors and style are set, and read back exactly from any text.

`puzzle` is the world (chains of sums and differences, in the manner of iGSM, arXiv 2407.20311), `style` the wordings,
`derivation` a worked solution and its logic, `grammar` the way from derivation to text and back, `beliefs` what a
learner gets wrong, `corpus` what a learner or a reward model is made from, `vocabulary` the words as tokens. Nothing
here knows of models.

>>> from qup.glassbox import derivation, grammar, puzzle
>>> p = puzzle.read("b7 , e3 , d : + b 4 , a : - d e ? a")
>>> grammar.render(derivation.derive(p))
'd : + b 7 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \\\\boxed{ 8 }'
"""

SOURCE = "glassbox"
"What problems of this world have as their source: the name of the plug in `qup.problems`."
