"""ONNX Runtime, which answers only: all graph optimizations, a model built by the onnx package, softmax included."""

import common

args = common.arguments()

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def model():
    """The network with random weights, as the bytes of an .onnx file."""
    rng, nodes, weights = np.random.default_rng(0), [], []

    def weight(*shape):
        values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"w{len(weights)}"))
        return weights[-1].name

    def add(op, *inputs, **attributes):
        before = nodes[-1].output[0] if nodes else "x"
        nodes.append(helper.make_node(op, [before, *inputs], [f"t{len(nodes)}"], **attributes))

    features, flat = common.network(args.network)
    channels = 1
    for kind, *filters in features:
        if kind == "conv":
            add("Conv", weight(*filters, channels, 3, 3), weight(*filters), kernel_shape=[3, 3])
            add("Relu")
            channels = filters[0]
        else:
            add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    add("Flatten")
    add("Gemm", weight(128, flat), weight(128), transB=1)
    add("Relu")
    add("Gemm", weight(10, 128), weight(10), transB=1)
    add("Softmax", axis=1)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(nodes, "network", [x], [y], weights)
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(built)
    return built.SerializeToString()


def infer():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(model(), options, providers=["CPUExecutionProvider"])
    images = common.load("t10k")[0].reshape(-1, 1, 28, 28)
    return common.answering(lambda x: session.run(None, {"x": x})[0], images, args.batch, args.seconds)


common.run(args, {"onnxruntime": onnxruntime.__version__}, {"optimizations": "all"}, {"infer": infer})
