"""One problem of the glass box with its traces written out by hand, in every style, wrong and mixed."""

from qup.glassbox import puzzle
from qup.glassbox.style import NATIVE, ORACLE, TWIN
from qup.records import Problem

QUESTION = "b7 , e3 , d : + b 4 , a : - d e ? a"
PUZZLE = puzzle.read(QUESTION)
PROBLEM = Problem("p1", QUESTION, "8", "glassbox")
SAID = {
    NATIVE: r"d : + b 7 4 = 11 d11 ; a : - d 11 e 3 = 8 a8 ; so \boxed{ 8 }",
    TWIN: r"d is + b 7 4 makes 11 d11 | a is - d 11 e 3 makes 8 a8 | hence \boxed{ 8 }",
    ORACLE: r"as + b 7 4 gives 11 for d11 . as - d 11 e 3 gives 8 for a8 . thus the answer is \boxed{ 8 } done",
}
WRONG = r"d : + b 7 4 = 9 d9 ; a : - d 9 e 3 = 6 a6 ; so \boxed{ 6 }"
MIXED = r"d is + b 7 4 makes 9 d9 | as - d 9 e 3 gives 6 for a6 . so \boxed{ 6 }"
"A step in the twin style with an error, one in the Oracle's that carries it on, a native closing."
