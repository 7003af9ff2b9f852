"""Convert models/digitrec.h5 for the baselines: the Keras file itself, and an equivalent ONNX file.

python convert.py FOLDER
"""

import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnxruntime

from digitrec.files import packaged_model_path
from digitrec.model.classifier import load_classifier
from digitrec.model.export import QUANTIZED_TOLERANCE
from digitrec.model.keras_import import adapt_to_digit_classifier, load_raw_keras, parity_inputs


def main() -> None:
    """Write network.onnx and network.h5 into the folder, unless ONNX and LiteRT disagree."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(packaged_model_path(), folder / "network.h5")
    path = folder / "network.onnx"
    adapt_to_digit_classifier(load_raw_keras(packaged_model_path()), "digitrec").export(
        path, format="onnx", verbose=False
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = load_classifier(packaged_model_path()).probabilities(parity_inputs())
    difference = float(np.abs(session.run(None, {"image": parity_inputs()})[0] - expected).max())
    if not difference <= QUANTIZED_TOLERANCE:
        path.unlink()
        sys.exit(
            f"expected ONNX and LiteRT to differ by at most {QUANTIZED_TOLERANCE}. Received: {difference:.2g}."
        )
    print(f"{path}: differs from LiteRT by at most {difference:.1g}")


if __name__ == "__main__":
    main()
