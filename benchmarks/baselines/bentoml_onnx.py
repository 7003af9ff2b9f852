"""ONNX Runtime behind BentoML, two workers.

bentoml serve bentoml_onnx:Digits
"""

import os

import bentoml
import onnxruntime
from PIL.Image import Image

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads

disable_opencv_threads()  # as digitrec's own server has it


@bentoml.service(workers=2)
class Digits:
    """One endpoint, /predict, with a picture as its form's file."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # two workers share two cores
        self.session = onnxruntime.InferenceSession(
            os.environ["MODEL_ONNX"], options, providers=["CPUExecutionProvider"]
        )

    @bentoml.api
    def predict(self, image: Image) -> dict:
        """Answer the digit in the picture, which BentoML has opened."""
        ink = normalize(decode(image))
        probabilities = self.session.run(None, {"image": ink.reshape(1, 28, 28, 1)})[0][0]
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
