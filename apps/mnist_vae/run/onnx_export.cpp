#include "onnx_export.hpp"

#include "../../../core/io/onnx.hpp"
#include "../../../core/version.hpp"
#include "run_folder.hpp"

namespace handgrad::apps::mnist_vae {

namespace {

const char* operator_of(Activation f) {
    switch (f) {
        case Activation::linear:
            return "Identity";
        case Activation::relu:
            return "Relu";
        case Activation::tanh:
            return "Tanh";
        case Activation::sigmoid:
            break;
    }
    return "Sigmoid";
}

// The layers of a model, by their names in files.
class Layers {
  public:
    explicit Layers(Vae& model) : tensors_(model.tensors(model.arena().values())) {}

    // output = input W + b of that layer.
    void add(const std::string& layer, const std::string& input, const std::string& output,
             OnnxGraph& graph) const {
        graph.add_dense(layer, find(layer + ".weight"), find(layer + ".bias"), input, output);
    }

    // The hidden layers "STACK.0", "STACK.1", ... one after the other; returns their last value.
    std::string add_hidden(const std::string& stack, const Architecture& a, std::string value,
                           OnnxGraph& graph) const {
        for (std::size_t i = 0; i < a.hidden.size(); ++i) {
            const std::string layer = stack + "." + std::to_string(i);
            add(layer, value, layer + ".product", graph);
            value = layer + ".output";
            graph.add_elementwise(operator_of(a.activation), layer + ".product", value);
        }
        return value;
    }

  private:
    ConstBlockedView find(const std::string& name) const {
        for (const NamedTensor& t : tensors_)
            if (t.name == name) return t.values;
        return {};
    }

    std::vector<NamedTensor> tensors_;
};

OnnxGraph::Origin origin_of(const Architecture& a, const char* half, const std::string& mistake) {
    OnnxGraph::Origin origin;
    origin.producer_version = version().text;
    origin.doc_string = std::string(half) + " of a dense variational autoencoder " + a.widths();
    origin.metadata = {{"image_rows", std::to_string(a.image_rows)},
                       {"image_cols", std::to_string(a.image_cols)},
                       {"recon_loss", recon_loss_name(a.recon_loss)}};
    if (!mistake.empty()) {
        origin.doc_string += ", trained with a MISTAKE made on purpose: " + mistake;
        origin.metadata["mistake"] = mistake;
    }
    return origin;
}

}  // namespace

std::vector<std::byte> encoder_onnx(Vae& model, const std::string& mistake) {
    const Architecture& a = model.architecture();
    const Layers layers(model);
    OnnxGraph graph("encoder");
    graph.add_input("x", a.pixels());
    const std::string features = layers.add_hidden("encoder", a, "x", graph);
    for (const char* head : {"mu", "logvar"}) {
        layers.add(head, features, head, graph);
        graph.add_output(head, a.latent);
    }
    return graph.serialize(origin_of(a, "encoder", mistake));
}

std::vector<std::byte> decoder_onnx(Vae& model, const std::string& mistake) {
    const Architecture& a = model.architecture();
    const Layers layers(model);
    OnnxGraph graph("decoder");
    graph.add_input("z", a.latent);
    const std::string features = layers.add_hidden("decoder", a, "z", graph);
    layers.add("decoder." + std::to_string(a.hidden.size()), features, "logits", graph);
    // Of the losses that take a linear output, the Gaussian's is the pixel itself.
    if (a.recon_loss == ReconLoss::gaussian)
        graph.add_clip(0, 1, "logits", "pixels");
    else
        graph.add_elementwise("Sigmoid", "logits", "pixels");
    graph.add_output("pixels", a.pixels());
    return graph.serialize(origin_of(a, "decoder", mistake));
}

}  // namespace handgrad::apps::mnist_vae
