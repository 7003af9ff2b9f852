"""ONNX Runtime behind LitServe, two workers.

python litserve_onnx.py PORT
"""

import os
import sys

import litserve
import onnxruntime

from digitrec.preprocessing.decode import decode
from digitrec.preprocessing.normalize import normalize
from digitrec.preprocessing.ops import disable_opencv_threads

disable_opencv_threads()  # as digitrec's own server has it


class Digits(litserve.LitAPI):
    """The four methods that LitServe asks for."""

    def setup(self, device):
        """Load the network in each worker."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # two workers share two cores
        self.session = onnxruntime.InferenceSession(
            os.environ["MODEL_ONNX"], options, providers=["CPUExecutionProvider"]
        )

    def decode_request(self, request):
        """Return the ink in the form's file."""
        return normalize(decode(request["image"].file.read()))

    def predict(self, x):
        """Return the probabilities."""
        return self.session.run(None, {"image": x.reshape(1, 28, 28, 1)})[0][0]

    def encode_response(self, output):
        """Return what becomes JSON."""
        return {"digit": int(output.argmax()), "probabilities": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Digits(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
