#include "run_writer.hpp"

#include <filesystem>
#include <vector>

#include "../../../core/io/atomic_file.hpp"
#include "own_files.hpp"
#include "recipe.hpp"

namespace handgrad::apps::mnist_vae {

RunWriter::RunWriter(RunClaim& claim, const TrainOptions& options, const std::string& data_hash)
    : claim_(claim),
      options_(options),
      data_hash_(data_hash),
      mistake_(mistake_name(options.mistake)),
      files_(claim.folder()) {}

void RunWriter::add_gradients(const std::string& path, const GradientSource& source) {
    gradients_.emplace(path, source, mistake_);
}

ResumePoint RunWriter::resume(Vae& model, Optimizer& optimizer, const TrainingSize& size) {
    if (is_there(files_.config())) read_options_of(files_, read_config(files_));
    std::vector<EpochMetrics> log;
    if (std::filesystem::exists(files_.log())) log = read_log(files_.log());
    TrainingSize size_and_model = size;
    size_and_model.model_epoch = read_model_epoch(files_.model());
    const auto check = [&](const std::string& path, const Position& position, std::int64_t steps) {
        check_position(path, position, steps, size_and_model, log);
    };
    const ResumePoint point =
        load_newest_checkpoint(files_.checkpoint(), model, optimizer, origin(), check);
    resumed_ = true;
    claim_.keep();
    prepare_logs(model.architecture(), point.position.epoch - 1);
    return point;
}

void RunWriter::prepare_logs(const Architecture& a, Index last_epoch) {
    log_.emplace(files_.log(), files_.latents(), a.latent, last_epoch, mistake_);
    history_.emplace(files_.sample_history(), a.pixels(), last_epoch, mistake_);
}

// The first save.
void RunWriter::begin(const Architecture& architecture) {
    if (begun_) return;
    if (!resumed_) {
        files_ = RunFolder{begin_new_run(claim_.folder().path)};
        staged_ = true;
        prepare_logs(architecture, 0);
    }
    // A run that goes on as before keeps the comments that its user made there.
    const std::string options = to_toml(options_);
    if (!resumed_ || !is_there(files_.options()) ||
        to_toml(read_run_options(files_.options())) != options)
        replace_file(files_.options(), options);
    write_config(files_, architecture, mistake_);
    log_->begin();
    history_->begin();
    if (gradients_) gradients_->begin();
    begun_ = true;
}

void RunWriter::write_epoch(const EpochMetrics& metrics, bool best, Vae& model) {
    begin(model.architecture());
    log_->append(metrics);
    const ModelOrigin origin{static_cast<std::uint32_t>(metrics.epoch), options_.seed,
                             options_.kl_weight, mistake_};
    save_model(files_.model(), model, origin);
    if (best) save_model(files_.best(), model, origin);
    history_->append(model, options_.seed, metrics.epoch);
}

bool RunWriter::save(Vae& model, Optimizer& optimizer, const Position& position) {
    if (claim_.replaces_results() && !begun_) return false;
    begin(model.architecture());
    if (gradients_) gradients_->flush();
    save_checkpoint(files_.checkpoint(), model, optimizer, position, origin());
    if (!staged_) return true;
    claim_.check_again();
    old_ = commit_new_run(claim_.folder().path);
    claim_.keep();
    staged_ = false;
    files_ = claim_.folder();
    log_->moved_to(files_.log(), files_.latents());
    history_->moved_to(files_.sample_history());
    return true;
}

void RunWriter::write_file(const std::string& path, std::span<const std::byte> content) const {
    check_own_file(path);
    NewFile file(path);
    const auto before = old_.find(std::filesystem::path(path).filename());
    if (before != old_.end()) file.set_permissions(before->second);
    file.write(content);
    file.replace();
}

void RunWriter::write_file(const std::string& path, std::string_view content) const {
    write_file(path, std::as_bytes(std::span(content)));
}

}  // namespace handgrad::apps::mnist_vae
