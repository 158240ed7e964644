"""Images for the examples: handwritten digits, or larger images from a file."""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def _options():
    """Return the options of the command line; ignore others."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--data", help=".npz file of Fashion-MNIST or MNIST")
    parser.add_argument("--rows", type=int, default=10000, help="training images of it")
    return parser.parse_known_args()[0]


def _from_file(path, n_rows):
    """Read images; the keys are X_train and so on, or those of Keras."""
    with np.load(path) as file:
        arrays = {name.lower(): file[name] for name in file.files}
    X_train, y_train = arrays["x_train"][:n_rows], arrays["y_train"][:n_rows]
    X_test, y_test = arrays["x_test"], arrays["y_test"]
    side = round(X_train[0].size ** 0.5)
    shape = X_train.shape[1:] if X_train.ndim > 2 else (side, side)
    X_train, X_test = (X.reshape(len(X), -1) / 255 for X in (X_train, X_test))
    return X_train, X_test, y_train.ravel(), y_test.ravel(), shape


def images_of_file():
    """Return the images of ``--data FILE``, None without that option."""
    options = _options()
    return None if options.data is None else _from_file(options.data, options.rows)


def load_images():
    """Return flattened images with pixels in [0, 1], their labels and their shape.

    They are the digits that scikit-learn ships, a third of them for the test. On the
    command line ``--data FILE`` names an .npz file of Fashion-MNIST or MNIST instead,
    and ``--rows N`` is the number of training images to use (10,000).

    Returns
    -------
    X_train, X_test : ndarray of shape (n_images, n_pixels)
        Flattened images.
    y_train, y_test : ndarray of shape (n_images,)
        Labels.
    image_shape : tuple of int
        ``(height, width)``.
    """
    asked = images_of_file()
    if asked is not None:
        return asked
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X / 16, y, test_size=1 / 3, stratify=y, random_state=0)
    return *split, (8, 8)


def draw_images(images_by_label, image_shape):
    """Draw one labelled row of images for each entry of a dictionary.

    Parameters
    ----------
    images_by_label : dict of str to ndarray of shape (n_images, n_pixels)
        Images with pixels in [0, 1], by the label of their row in the figure.
    image_shape : tuple of int
        ``(height, width)``.

    Returns
    -------
    matplotlib Figure
        The figure.
    """
    import matplotlib.pyplot as plt

    n_columns = max(map(len, images_by_label.values()))
    size = 1.5 + 0.75 * n_columns, 0.8 * len(images_by_label)
    figure, axes = plt.subplots(
        len(images_by_label),
        n_columns,
        figsize=size,
        squeeze=False,
        layout="constrained",
    )
    for line, (name, images) in zip(axes, images_by_label.items(), strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image.reshape(image_shape), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure
