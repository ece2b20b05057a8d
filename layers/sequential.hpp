// Layers one after another: y = f_k( ... f_2(f_1(x))), and backward the same list reversed.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "../core/export.hpp"
#include "layer.hpp"

namespace handgrad {

// Owns its layers. Without any it has no width, and must not run.
class HANDGRAD_API Sequential : public Layer {
  public:
    // Appends a layer, constructed in place, and returns it. Throws Error(argument) if its input
    // is not as wide as the output of the one before.
    template <class L, class... Arguments>
    L& add(Arguments&&... arguments) {
        auto layer = std::make_unique<L>(std::forward<Arguments>(arguments)...);
        L& reference = *layer;
        append(std::move(layer));
        return reference;
    }

    Index in_features() const override { return layers_.front()->in_features(); }
    Index out_features() const override { return layers_.back()->out_features(); }

    ConstMatrixView forward(ConstMatrixView x) override;
    // With InputGradient::skip only the first layer skips its dx.
    ConstMatrixView backward(ConstMatrixView dy, Write parameter_gradients,
                             InputGradient input_gradient = InputGradient::compute,
                             GradientSink* sink = nullptr) override;

  private:
    void append(std::unique_ptr<Layer> layer);

    std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace handgrad
