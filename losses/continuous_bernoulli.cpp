#include "continuous_bernoulli.hpp"

#include "mean_over_images.hpp"

namespace handgrad {

double continuous_bernoulli_nll(ConstMatrixView logits, ConstMatrixView targets, MatrixView dlogits,
                                const Reduction& reduction) {
    return detail::mean_over_images("continuous_bernoulli_nll", 90,
                                    active_kernels().continuous_bernoulli, logits, targets, dlogits,
                                    reduction);
}

}  // namespace handgrad
