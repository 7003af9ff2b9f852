"""Templates of digit styles that are rare in MNIST or absent from it, for the synthetic writer.

MNIST was written in the United States. Writers elsewhere write a 1 with a flag, cross the 7, slash the zero, loop the
2, leave the 4 open, and write the 5 in two strokes.
"""

from __future__ import annotations

from digitrec.training.synthetic.strokes import GlyphTemplate

DIGIT_TEMPLATES = (
    GlyphTemplate("slashed", 0, "~55,04 25,22 18,55 38,94 70,85 82,45 68,10 50,05; 80,08 22,92"),
    GlyphTemplate("slashed inside", 0, "~55,04 25,22 18,55 38,94 70,85 82,45 68,10 50,05; 66,28 34,72"),
    GlyphTemplate("dotted", 0, "~55,04 25,22 18,55 38,94 70,85 82,45 68,10 50,05; 49,47 51,53"),
    GlyphTemplate("open", 0, "~62,06 28,18 16,55 38,94 72,82 82,42 66,16"),
    GlyphTemplate("short flag", 1, "34,26 54,05 52,95"),
    GlyphTemplate("long flag", 1, "16,48 56,05 54,95"),
    GlyphTemplate("curved flag", 1, "~24,36 42,24 56,05; 56,05 54,95"),
    GlyphTemplate("flag and foot", 1, "32,26 52,05 52,94; 26,94 80,94"),
    GlyphTemplate("foot", 1, "52,05 50,94; 30,94 72,93"),
    GlyphTemplate("steep flag and foot", 1, "16,66 54,05 52,93; 20,93 86,93"),
    GlyphTemplate("like an l", 1, "~14,84 44,58 66,18 55,04 46,26 50,66 64,95"),
    GlyphTemplate("looped", 2, "~22,24 50,05 74,28 52,62 24,88 18,78 36,80 58,92 86,86"),
    GlyphTemplate("angular", 2, "~20,20 50,05 78,24 60,55 20,93; 20,93 84,93"),
    GlyphTemplate("like a Z", 2, "20,10 78,10 20,92 82,92"),
    GlyphTemplate("hooked below", 2, "~22,22 48,05 72,22 56,56 26,78 46,66 62,76 70,96"),
    GlyphTemplate("curled head", 2, "~52,30 37,22 46,06 69,16 64,40 44,66 20,86; ~20,86 42,80 62,92 84,84"),
    GlyphTemplate(
        "curled head, looped foot", 2, "~52,28 38,24 45,06 68,15 64,40 40,68 20,86 20,72 40,76 60,92 84,82"
    ),
    GlyphTemplate("flat top", 3, "20,07 78,07 46,40; ~46,40 78,52 76,82 46,95 18,84"),
    GlyphTemplate("pointed", 3, "~22,14 56,05 72,24 42,46; ~42,46 78,62 62,92 20,90"),
    GlyphTemplate("open, two strokes", 4, "28,08 20,56 82,54; 66,30 62,96"),
    GlyphTemplate("open, tall", 4, "24,06 22,50 78,50; 76,05 74,96"),
    GlyphTemplate("closed", 4, "66,96 66,05 16,66 86,66"),
    GlyphTemplate("like lightning", 4, "54,04 18,62 80,60; 56,42 48,97"),
    GlyphTemplate("in one zigzag", 4, "46,04 28,48 68,42 56,96"),
    GlyphTemplate("in one wide zigzag", 4, "72,05 14,66 78,58 72,96"),
    GlyphTemplate("in one rounded zigzag", 4, "~68,05 32,22 20,46 44,54 82,42; 82,42 58,95"),
    GlyphTemplate("like a y", 4, "~28,08 26,40 48,52 70,36; ~74,06 70,50 62,96"),
    GlyphTemplate("two strokes", 5, "~32,08 28,46 56,42 76,64 56,92 20,88; 32,08 80,06"),
    GlyphTemplate("angular", 5, "78,07 30,07 27,45; ~27,45 58,40 78,66 52,94 20,86"),
    GlyphTemplate("like an S", 5, "~80,10 40,10 32,40 66,52 74,78 48,94 20,86"),
    GlyphTemplate("bar apart", 5, "~36,24 31,48 58,44 73,65 54,93 22,87; 46,13 82,08"),
    GlyphTemplate("straight back", 6, "~66,04 34,46 24,78 46,95 72,78 58,56 28,68"),
    GlyphTemplate("low loop", 6, "~56,04 32,40 26,80 48,95 64,82 50,68 30,76"),
    GlyphTemplate("long top", 6, "~86,07 46,06 24,36 22,74 48,95 76,76 58,54 26,66"),
    GlyphTemplate("crossed", 7, "18,08 82,08 58,50 42,96; 34,52 78,48"),
    GlyphTemplate("crossed, with a tick", 7, "18,22 20,08 82,08 58,50 42,96; 32,50 80,50"),
    GlyphTemplate("with a tick", 7, "18,24 20,08 82,08 58,50 42,96"),
    GlyphTemplate("hooked", 7, "12,36 30,08 46,30 74,06 60,96"),
    GlyphTemplate("hooked, crossed", 7, "14,34 26,08 46,32 72,06 58,95; 36,64 80,62"),
    GlyphTemplate("hooked, crossed low", 7, "12,36 30,06 48,36 74,08 62,95; 40,84 84,82"),
    GlyphTemplate("waved, crossed", 7, "~14,26 34,08 52,18 80,06; 80,06 54,95; 36,54 76,50"),
    GlyphTemplate("waved", 7, "~16,18 34,06 56,14 82,06; ~82,06 56,50 50,96"),
    GlyphTemplate("two rings", 8, "~50,05 28,22 48,44 72,24 52,05; ~48,45 20,70 48,95 80,72 50,45"),
    GlyphTemplate("open top", 8, "~74,10 34,12 36,38 72,66 52,94 24,76 48,46 80,16"),
    GlyphTemplate("curled", 9, "~74,20 44,06 24,28 44,48 74,26 72,66 56,94 22,84"),
    GlyphTemplate("straight", 9, "~72,18 44,06 24,28 46,48 72,22; 72,18 68,96"),
    GlyphTemplate("like a g", 9, "~70,14 42,06 26,28 46,46 70,24; ~71,16 70,74 48,95 22,86"),
    GlyphTemplate("tail curled up", 9, "~70,16 42,08 28,28 50,42 72,20 74,62 62,92 40,92 36,78"),
    GlyphTemplate("curled twice", 9, "~70,14 44,06 32,22 50,34 70,14 56,32 44,48 74,66 66,90 16,92"),
    GlyphTemplate("like a P", 9, "~26,95 36,56 50,12 68,05 82,18 74,38 54,42 42,34"),
    GlyphTemplate("like a P, slanted", 9, "~20,95 38,46 54,07 80,07 78,32 52,40"),
)
