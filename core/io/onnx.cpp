#include "onnx.hpp"

#include <initializer_list>
#include <span>
#include <string_view>

namespace handgrad {

namespace {

constexpr int kFloat = 1;         // TensorProto.DataType
constexpr int kIntAttribute = 2;  // AttributeProto.AttributeType

// Of a tensor with these elements; without dimensions it is a scalar.
ProtobufMessage tensor(std::string_view name, std::initializer_list<Index> dims,
                       std::span<const float> values) {
    ProtobufMessage tensor;
    for (const Index dim : dims) tensor.add_integer(1, dim);
    tensor.add_integer(2, kFloat);
    tensor.add_text(8, name);
    tensor.add_bytes(9, std::as_bytes(values));
    return tensor;
}

ProtobufMessage value_info(const std::string& name, Index width) {
    ProtobufMessage batch, columns, shape, matrix, type, info;
    batch.add_text(2, "batch");
    columns.add_integer(1, width);
    shape.add_message(1, batch);
    shape.add_message(1, columns);
    matrix.add_integer(1, kFloat);
    matrix.add_message(2, shape);
    type.add_message(1, matrix);
    info.add_text(1, name);
    info.add_message(2, type);
    return info;
}

}  // namespace

void OnnxGraph::add_input(const std::string& value, Index width) {
    inputs_.add_message(11, value_info(value, width));
}

void OnnxGraph::add_output(const std::string& value, Index width) {
    outputs_.add_message(12, value_info(value, width));
}

void OnnxGraph::add_node(std::string_view name, std::string_view op_type,
                         std::initializer_list<std::string_view> inputs, std::string_view output,
                         std::string_view set_attribute) {
    ProtobufMessage node;
    for (const std::string_view input : inputs) node.add_text(1, input);
    node.add_text(2, output);
    node.add_text(3, name);
    node.add_text(4, op_type);
    if (!set_attribute.empty()) {
        ProtobufMessage attribute;
        attribute.add_text(1, set_attribute);
        attribute.add_integer(3, 1);
        attribute.add_integer(20, kIntAttribute);
        node.add_message(5, attribute);
    }
    nodes_.add_message(1, node);
}

void OnnxGraph::add_dense(const std::string& layer, ConstBlockedView weight, ConstBlockedView bias,
                          const std::string& input, const std::string& output) {
    check_shape("OnnxGraph: bias", bias, 1, weight.cols);
    const std::string weight_name = layer + ".weight", bias_name = layer + ".bias";
    std::vector<float> transposed, flat;
    transposed.reserve(static_cast<std::size_t>(weight.rows * weight.cols));
    for (Index j = 0; j < weight.cols; ++j)
        for (Index i = 0; i < weight.rows; ++i) transposed.push_back(weight(i, j));
    for (Index j = 0; j < bias.cols; ++j) flat.push_back(bias(0, j));
    initializers_.add_message(5, tensor(weight_name, {weight.cols, weight.rows}, transposed));
    initializers_.add_message(5, tensor(bias_name, {bias.cols}, flat));
    add_node(layer, "Gemm", {input, weight_name, bias_name}, output, "transB");
}

void OnnxGraph::add_elementwise(const std::string& op_type, const std::string& input,
                                const std::string& output) {
    add_node(output, op_type, {input}, output);
}

void OnnxGraph::add_clip(float low, float high, const std::string& input,
                         const std::string& output) {
    const std::string low_name = output + ".low", high_name = output + ".high";
    initializers_.add_message(5, tensor(low_name, {}, {&low, 1}));
    initializers_.add_message(5, tensor(high_name, {}, {&high, 1}));
    add_node(output, "Clip", {input, low_name, high_name}, output);
}

std::vector<std::byte> OnnxGraph::serialize(const Origin& origin) const {
    check_protobuf_size(name_, initializers_.bytes().size());
    ProtobufMessage graph;
    graph.append(nodes_);
    graph.add_text(2, name_);
    graph.append(initializers_);
    graph.append(inputs_);
    graph.append(outputs_);

    ProtobufMessage model, opset;
    model.add_integer(1, kOnnxIrVersion);
    model.add_text(2, "handgrad");
    model.add_text(3, origin.producer_version);
    model.add_text(6, origin.doc_string);
    model.add_message(7, graph);
    opset.add_integer(2, kOnnxOpset);
    model.add_message(8, opset);
    for (const auto& [key, value] : origin.metadata) {
        ProtobufMessage entry;
        entry.add_text(1, key);
        entry.add_text(2, value);
        model.add_message(14, entry);
    }
    check_protobuf_size(name_, model.bytes().size());
    return model.bytes();
}

}  // namespace handgrad
