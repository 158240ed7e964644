"""Networks of torch tensors with hand-derived gradients, and how and where they run.

Only torch, NumPy, threadpoolctl and the standard library may enter: nothing here knows
of tables, anchors, estimators or training loops.
"""
