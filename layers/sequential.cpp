#include "sequential.hpp"

#include <string>

#include "../core/error.hpp"

namespace handgrad {

void Sequential::append(std::unique_ptr<Layer> layer) {
    if (!layers_.empty() && layer->in_features() != out_features())
        throw Error(ErrorKind::argument, "Sequential", "layers do not fit",
                    std::to_string(layer->in_features()) + " inputs after " +
                        std::to_string(out_features()) + " outputs");
    layers_.push_back(std::move(layer));
}

ConstMatrixView Sequential::forward(ConstMatrixView x) {
    for (auto& layer : layers_) x = layer->forward(x);
    return x;
}

ConstMatrixView Sequential::backward(ConstMatrixView dy, Write parameter_gradients,
                                     InputGradient input_gradient, GradientSink* sink) {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        const bool first = layer + 1 == layers_.rend();
        dy = (*layer)->backward(dy, parameter_gradients,
                                first ? input_gradient : InputGradient::compute, sink);
    }
    return dy;
}

}  // namespace handgrad
