// What each sub-command does. All throw Error for what the user can mend.
#pragma once

#include "../options/options.hpp"
#include "followers.hpp"

namespace handgrad::apps::mnist_vae {

// Returns when training has ended, or does not return if a signal asked for the end.
// The followers train along; with none it is alone.
void run_train(const TrainCommand& command, Followers& followers);

void run_evaluate(const EvaluateCommand& command);
void run_reconstruct(const ReconstructCommand& command);
void run_sample(const SampleCommand& command);
void run_manifold(const ManifoldCommand& command);
void run_report(const ReportCommand& command);
void run_encode(const EncodeCommand& command);
void run_export(const ExportCommand& command);
// Prints a table; throws Error(mismatch) if any gradient is wrong.
void run_check_gradients(const CheckGradientsCommand& command);
// Prints a table; throws Error(mismatch) if any two paths differ.
void run_verify(const VerifyCommand& command);
// Writes the lesson; throws Error(mismatch) if a gradient in it is wrong.
void run_lesson(const LessonCommand& command);
void run_info();

}  // namespace handgrad::apps::mnist_vae
