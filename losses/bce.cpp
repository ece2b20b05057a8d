#include "bce.hpp"

#include "mean_over_images.hpp"

namespace handgrad {

double bce_with_logits(ConstMatrixView logits, ConstMatrixView targets, MatrixView dlogits,
                       const Reduction& reduction) {
    return detail::mean_over_images("bce_with_logits", 48, active_kernels().bce_with_logits, logits,
                                    targets, dlogits, reduction);
}

double bce_with_probabilities(ConstMatrixView probabilities, ConstMatrixView targets,
                              MatrixView dprobabilities, const Reduction& reduction) {
    return detail::mean_over_images("bce_with_probabilities", 64,
                                    active_kernels().bce_with_probabilities, probabilities, targets,
                                    dprobabilities, reduction);
}

double bce_with_clamped_logs(ConstMatrixView probabilities, ConstMatrixView targets,
                             MatrixView dprobabilities, const Reduction& reduction) {
    return detail::mean_over_images("bce_with_clamped_logs", 64,
                                    active_kernels().bce_with_clamped_logs, probabilities, targets,
                                    dprobabilities, reduction);
}

}  // namespace handgrad
