"""Small `.tflite` files made here, operator by operator: good ones, and ones that do harm.

dense(weights, bias)             float32: outputs = softmax(weights @ inputs + bias)
dense_int8(weights, bias)        the same, quantised
crash_above(low, high)           ends the process for some inputs
split_into_nothing()             ends the process of LiteRT 2.3 with XNNPACK when it is loaded
matmul_for_minutes()             computes for longer than anybody waits
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT32 = schema.TensorType.FLOAT32
INT8 = schema.TensorType.INT8
INT32 = schema.TensorType.INT32

INPUT_SCALE, INPUT_ZERO = 1 / 16, -8
OUTPUT_SCALE, OUTPUT_ZERO = 1 / 256, -128


class Graph:
    """A model of one subgraph in the making."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = b"made by a test"
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.name = b"main"
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: int,
        constant: np.ndarray[Any, Any] | None = None,
        scale: float | None = None,
        zero_point: int = 0,
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name.encode(), list(shape), kind, 0
        if constant is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(constant).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [scale]
            made.quantization.zeroPoint = [zero_point]
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(
        self,
        code: int,
        takes: list[int],
        gives: list[int],
        kind: int,
        options: Any,
        version: int = 1,
    ) -> None:
        told = schema.OperatorCodeT()
        told.builtinCode, told.deprecatedBuiltinCode, told.version = code, min(code, 127), version
        self.model.operatorCodes.append(told)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = takes, gives
        made.builtinOptionsType, made.builtinOptions = kind, options
        self.graph.operators.append(made)

    def file(self, takes: list[int], gives: list[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = takes, gives
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def dense(weights: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> bytes:
    gives, takes = weights.shape
    made = Graph()
    x = made.tensor("features", (1, takes), FLOAT32)
    w = made.tensor("weights", weights.shape, FLOAT32, weights.astype(np.float32))
    b = made.tensor("bias", bias.shape, FLOAT32, bias.astype(np.float32))
    logits = made.tensor("logits", (1, gives), FLOAT32)
    shares = made.tensor("shares", (1, gives), FLOAT32)
    _dense_and_softmax(made, x, w, b, logits, shares, versions=(1, 1))
    return made.file([x], [shares])


def dense_int8(weights: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> bytes:
    gives, takes = weights.shape
    w_scale = float(np.abs(weights).max()) / 127
    b_scale = w_scale * INPUT_SCALE
    made = Graph()
    x = made.tensor("features", (1, takes), INT8, scale=INPUT_SCALE, zero_point=INPUT_ZERO)
    stored = np.rint(weights / w_scale).astype(np.int8)
    w = made.tensor("weights", weights.shape, INT8, stored, w_scale)
    b = made.tensor("bias", bias.shape, INT32, np.rint(bias / b_scale).astype(np.int32), b_scale)
    logits = made.tensor("logits", (1, gives), INT8, scale=1 / 8)
    shares = made.tensor("shares", (1, gives), INT8, scale=OUTPUT_SCALE, zero_point=OUTPUT_ZERO)
    _dense_and_softmax(made, x, w, b, logits, shares, versions=(4, 2))
    return made.file([x], [shares])


def split_into_nothing() -> bytes:
    made = Graph()
    axis = made.tensor("axis", (), INT32, np.array(0, np.int32))
    x = made.tensor("x", (4, 4), FLOAT32)
    y = made.tensor("y", (4, 4), FLOAT32)
    options = schema.SplitOptionsT()
    options.numSplits = 0
    made.operator(
        schema.BuiltinOperator.SPLIT, [axis, x], [y], schema.BuiltinOptions.SplitOptions, options
    )
    return made.file([x], [y])


def gather_out_of_bounds() -> bytes:
    """Loads, and fails each time it is run."""
    made = Graph()
    x = made.tensor("x", (4, 4), FLOAT32)
    at = made.tensor("at", (2,), INT32, np.array([2**30, -(2**30)], np.int32))
    y = made.tensor("y", (2, 4), FLOAT32)
    kind = schema.BuiltinOptions.GatherOptions
    made.operator(schema.BuiltinOperator.GATHER, [x, at], [y], kind, schema.GatherOptionsT())
    return made.file([x], [y])


def tile_without_end() -> bytes:
    """Wants 600 GB for its output."""
    made = Graph()
    x = made.tensor("x", (4, 4), FLOAT32)
    times = made.tensor("times", (2,), INT32, np.array([100_000, 100_000], np.int32))
    y = made.tensor("y", (4, 4), FLOAT32)
    kind = schema.BuiltinOptions.TileOptions
    made.operator(schema.BuiltinOperator.TILE, [x, times], [y], kind, schema.TileOptionsT())
    return made.file([x], [y])


def matmul_for_minutes() -> bytes:
    """Multiplies a matrix of 1024 by 1024 with itself two thousand times."""
    made = Graph()
    first = last = made.tensor("x", (1024, 1024), FLOAT32)
    for number in range(2000):
        product = made.tensor(f"y{number}", (1024, 1024), FLOAT32)
        kind, options = schema.BuiltinOptions.BatchMatMulOptions, schema.BatchMatMulOptionsT()
        made.operator(schema.BuiltinOperator.BATCH_MATMUL, [last, first], [product], kind, options)
        last = product
    return made.file([first], [last])


def _dense_and_softmax(
    made: Graph, x: int, w: int, b: int, logits: int, shares: int, versions: tuple[int, int]
) -> None:
    """``versions``: of the operators; int8 came later than float."""
    operators, options = schema.BuiltinOperator, schema.BuiltinOptions
    made.operator(
        operators.FULLY_CONNECTED,
        [x, w, b],
        [logits],
        options.FullyConnectedOptions,
        schema.FullyConnectedOptionsT(),
        versions[0],
    )
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    made.operator(
        operators.SOFTMAX, [logits], [shares], options.SoftmaxOptions, softmax, versions[1]
    )


def convolution(weights: np.ndarray[Any, Any], side: int) -> bytes:
    """float32 pictures (1, side, side, channels): 3x3, padded, then ReLU. ``weights``: OHWI."""
    gives, _, _, takes = weights.shape
    made = Graph()
    x = made.tensor("picture", (1, side, side, takes), FLOAT32)
    w = made.tensor("weights", weights.shape, FLOAT32, weights.astype(np.float32))
    b = made.tensor("bias", (gives,), FLOAT32, np.zeros(gives, np.float32))
    y = made.tensor("features", (1, side, side, gives), FLOAT32)
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.SAME
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    kind = schema.BuiltinOptions.Conv2DOptions
    made.operator(schema.BuiltinOperator.CONV_2D, [x, w, b], [y], kind, options)
    return made.file([x], [y])


def crash_above(low: float, high: float | None = None) -> bytes:
    """float32 (1, 3) to two shares, (0.9, 0.1). A first feature over ``low`` (and under ``high``)
    has the smallest integer divided by -1, which ends the process on x86 (LiteRT 2.3)."""
    made, op, options = Graph(), schema.BuiltinOperator, schema.BuiltinOptions
    boolean, never = schema.TensorType.BOOL, np.float32(3e38)
    x = made.tensor("features", (1, 3), FLOAT32)
    bounds = [(op.GREATER, options.GreaterOptions, schema.GreaterOptionsT(), low, never)]
    if high is not None:
        bounds.append((op.LESS, options.LessOptions, schema.LessOptionsT(), high, never))
    product = made.tensor("smallest", (1, 3), INT32, np.full((1, 3), -(2**31), np.int32))
    for number, (code, kind, told, bound, others) in enumerate(bounds):
        limit = np.array([[bound, others, others]], np.float32)
        at = made.tensor(f"bound{number}", (1, 3), FLOAT32, limit)
        said = made.tensor(f"said{number}", (1, 3), boolean)
        made.operator(code, [x, at], [said], kind, told)
        counted = made.tensor(f"counted{number}", (1, 3), INT32)
        cast = schema.CastOptionsT()
        cast.inDataType, cast.outDataType = boolean, INT32
        made.operator(op.CAST, [said], [counted], options.CastOptions, cast)
        before, product = product, made.tensor(f"product{number}", (1, 3), INT32)
        made.operator(
            op.MUL, [counted, before], [product], options.MulOptions, schema.MulOptionsT()
        )
    by = made.tensor("by", (1, 3), INT32, np.full((1, 3), -1, np.int32))
    left = made.tensor("left", (1, 3), INT32)
    made.operator(
        op.FLOOR_MOD, [product, by], [left], options.FloorModOptions, schema.FloorModOptionsT()
    )
    axis = made.tensor("axis", (1,), INT32, np.array([1], np.int32))
    total = made.tensor("total", (1, 1), INT32)
    told = schema.ReducerOptionsT()
    told.keepDims = True
    made.operator(op.SUM, [left, axis], [total], options.ReducerOptions, told)
    real = made.tensor("real", (1, 1), FLOAT32)
    cast = schema.CastOptionsT()
    cast.inDataType, cast.outDataType = INT32, FLOAT32
    made.operator(op.CAST, [total], [real], options.CastOptions, cast)
    shares = made.tensor("both", (1, 2), FLOAT32, np.array([[0.9, 0.1]], np.float32))
    y = made.tensor("shares", (1, 2), FLOAT32)
    made.operator(op.ADD, [real, shares], [y], options.AddOptions, schema.AddOptionsT())
    return made.file([x], [y])
