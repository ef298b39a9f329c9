"""The paper's figures, tables and claims, beside what this repository computes.

`data/` holds what the paper prints, with its place; everything called "ours" is computed when it is
asked for. Nothing here feeds a number of the paper back into a model.
"""
