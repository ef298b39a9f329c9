"""Looking for decompositions that are small, agree with the network and cost a machine little
(docs/reference/tune.md)."""
