// ONNX models of dense layers, for writing alone; whatever runs ONNX runs them (onnx/onnx.proto at
// version 1.8, which has the field numbers; docs/Operators.md the operators).
//
//   ModelProto    ir_version 1, producer_name 2, producer_version 3, doc_string 6, graph 7,
//                 opset_import 8, metadata_props 14 (key 1, value 2)
//   GraphProto    node 1, name 2, initializer 5, input 11, output 12
//   NodeProto     input 1, output 2, name 3, op_type 4, attribute 5
//   Attribute     name 1, i 3, type 20 (2: INT)
//   TensorProto   dims 1, data_type 2 (1: FLOAT), name 8, raw_data 9 (little-endian)
//   ValueInfo     name 1, type 2: tensor_type 1: elem_type 1, shape 2: dim 1: dim_value 1 or
//                 dim_param 2
//   OperatorSetId version 2; the domain is the empty one of ONNX itself
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../export.hpp"
#include "../matrix.hpp"
#include "protobuf.hpp"

namespace handgrad {

// IR and operators of December 2020; every operator here is the same in all later ones.
inline constexpr int kOnnxIrVersion = 7, kOnnxOpset = 13;

// A graph over values that are float matrices (batch, width) with a name each. A value has to be
// there before what is made of it. Names are UTF-8.
class HANDGRAD_API OnnxGraph {
  public:
    // An empty graph of that name.
    explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

    // What the graph is given and what it returns; `batch` is the symbolic number of rows.
    void add_input(const std::string& value, Index width);
    void add_output(const std::string& value, Index width);

    // output = input W + b. Stores W as "LAYER.weight" in PyTorch's (out, in), b as "LAYER.bias".
    // Throws Error(argument) unless W is (in, out) and b is (1, out).
    void add_dense(const std::string& layer, ConstBlockedView weight, ConstBlockedView bias,
                   const std::string& input, const std::string& output);
    // output = OPERATOR(input), element by element: "Relu", "Sigmoid", "Tanh", "Identity".
    void add_elementwise(const std::string& op_type, const std::string& input,
                         const std::string& output);
    // output = min(max(input, low), high)
    void add_clip(float low, float high, const std::string& input, const std::string& output);

    // What a file says beside the graph.
    struct Origin {
        std::string producer_version, doc_string;
        std::map<std::string, std::string> metadata;
    };
    // The bytes of a file. Throws Error(argument) naming the graph for a model that is too large
    // for one (2 GiB).
    std::vector<std::byte> serialize(const Origin& origin) const;

  private:
    // An attribute that is set is the integer 1.
    void add_node(std::string_view name, std::string_view op_type,
                  std::initializer_list<std::string_view> inputs, std::string_view output,
                  std::string_view set_attribute = {});

    std::string name_;
    // Fields of the graph, to be written in the order of their numbers.
    ProtobufMessage nodes_, initializers_, inputs_, outputs_;
};

}  // namespace handgrad
