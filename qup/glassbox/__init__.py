"""A small world in which the truth is known: logic errors and style are set, and read back exactly from any text.

`puzzle` is the world (chains of sums and differences, in the manner of iGSM, arXiv 2407.20311), `derivation` a worked
solution and its logic, `style` the grammar that turns derivations into text and any such text back into a derivation,
`corpus` what a learner or a reward model is made from, `vocabulary` the words as tokens. Nothing here knows of models.

>>> from qup.glassbox import derivation, puzzle, style
>>> p = puzzle.read("b7 , e3 , d : + b 4 , a : - d e ? a")
>>> style.render(derivation.derive(p))
'd : + b 7 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \\\\boxed{ 8 }'
"""
