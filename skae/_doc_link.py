"""Where the HTML repr of an estimator finds its documentation."""


class DocLinkMixin:
    """Link to the page of the class in the API reference."""

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )
