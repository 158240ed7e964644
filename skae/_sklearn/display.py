"""How estimators show themselves: their repr, their diagram, a link to their page."""

# scikit-learn carries no types.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from typing import Any

from sklearn.base import BaseEstimator

from .compat import EstimatorPrettyPrinter, VisualBlock


class DocLinkMixin:
    """Link to the page of the class in the API reference."""

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )


class PCANoteMixin(DocLinkMixin):
    """Says in the repr and in the diagram of a fitted autoencoder if it is PCA."""

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the parameters, and after a fit that kept PCA a comment.

        Parameters
        ----------
        N_CHAR_MAX : int, default=700
            Characters of the parameters that are shown, as in scikit-learn.

        Returns
        -------
        str
            What `eval` makes the unfitted estimator of.
        """
        shown: str = super().__repr__(N_CHAR_MAX)  # pyright: ignore[reportCallIssue]
        note = _pca_note(self)
        return f"{shown}  # {note}" if note else shown

    def _sk_visual_block_(self) -> VisualBlock:
        """Return what scikit-learn's diagrams show, with the note as a caption."""
        return VisualBlock(
            "single",
            self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=_pca_note(self),
        )


# scikit-learn lays out, in lines of 80 characters, what has the repr of its own base.
layouts: dict[Any, Any] = EstimatorPrettyPrinter._dispatch
layouts[PCANoteMixin.__repr__] = layouts[BaseEstimator.__repr__]


def _pca_note(estimator: Any) -> str | None:
    """Return why an autoencoder is PCA; None if it is not, or not fitted."""
    state = vars(estimator).get("_state", {})
    if "weights" not in state or state["weights"] is not None:
        return None
    if getattr(estimator, "curve_steps_", []):
        return "PCA was kept: no network was better on held-out samples"
    if state["anchor"]["is_exact"]:
        return "PCA was kept: it leaves nothing to learn"
    return "PCA was kept: no network was trained"
