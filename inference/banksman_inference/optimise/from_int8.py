"""A float `.tflite` with the very weights of an int8 one: for what is made from a float master when
only the int8 model is at hand. For the desk, never on the box.

Constants become real = scale * (stored - zero point), every other tensor a float one; operators and
their fused activations stay. A model that quantises or dequantises inside is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from banksman_inference.litert import FILE_IDENTIFIER

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STORED = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}
_REFUSED = (schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE)


def to_float(int8_model: bytes) -> bytes:
    """The same network in float32. Raises ValueError for one that is not wholly int8."""
    told = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(int8_model, 0))
    if any(code.builtinCode in _REFUSED for code in told.operatorCodes):
        raise ValueError("the model quantises inside; give its float master instead")
    for buffer in told.buffers:
        if buffer.offset > 1:  # it lies behind the flatbuffer
            data = int8_model[buffer.offset : buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(data, np.uint8), 0, 0
    for tensor in told.subgraphs[0].tensors:
        parameters = tensor.quantization
        if parameters is None or parameters.scale is None:
            continue
        data = told.buffers[tensor.buffer].data
        if data is not None and len(data):
            real = _real(np.asarray(data, np.uint8).view(_STORED[tensor.type]), tensor)
            told.buffers[tensor.buffer].data = np.frombuffer(real.tobytes(), np.uint8)
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    for code in told.operatorCodes:
        code.version = 1
    told.signatureDefs = None
    builder = flatbuffers.Builder(4 * len(int8_model))
    builder.Finish(told.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _real(stored: NDArray[Any], tensor: Any) -> NDArray[np.float32]:
    parameters, shape = tensor.quantization, tuple(int(size) for size in tensor.shape)
    along = [1] * len(shape)
    if len(parameters.scale) > 1:
        along[int(parameters.quantizedDimension)] = len(parameters.scale)
    scale = np.asarray(parameters.scale, np.float64).reshape(along)
    zero = np.asarray(parameters.zeroPoint, np.float64).reshape(along)
    return ((stored.reshape(shape) - zero) * scale).astype(np.float32)
