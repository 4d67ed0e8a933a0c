"""The proof of a version: made again in a clean clone, and compared with what was recorded.

verify         the command's one function, and its result
recorded       what a revision records
trust          whose code a revision brings
clean_clone    a clone that leaves nothing behind
supply         puts into it what the stages read and do not make
comparison, verdicts    what differs, and what may
explanations            what could explain it

From outside: `verify.verify`, `verdicts.verdicts_table`, `trust.code_of_strangers`. Imports the
rest of `versions` and what lies below.
"""
