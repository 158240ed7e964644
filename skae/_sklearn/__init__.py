"""What skae needs of scikit-learn's interface: validation, callbacks, pipelines.

What several estimators share on that side lives here, and no model or training may
enter; torch is imported inside functions only.
"""
