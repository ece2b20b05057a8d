// A CSV file that grows while something happens: rows are appended and handed to the system at
// once, so that what has happened stays written whatever happens to the process. The first column
// is a number that never falls, such as the epoch.
#pragma once

#include <string>
#include <vector>

#include "../../../core/matrix.hpp"

namespace handgrad::apps::mnist_vae {

class CsvJournal {
  public:
    // Starts a new file, or goes on with one: rows whose first number is above `last_key` are
    // dropped, for the checkpoint knows nothing of them. 0 keeps none. The header is without its
    // line feed. Throws Error(output), or Error(input) for an existing file that is no such file.
    // With a mistake, every row ends with its name, in a column of that title.
    CsvJournal(std::string path, const std::string& header, Index last_key,
               const std::string& mistake = {});

    // Rows, each with its line feed. Throws Error(output).
    void append(const std::string& rows);

    // Waits until all rows are on the disk. To be called before a checkpoint is saved that knows of
    // them: it says that they need not be written again. Throws Error(output).
    void flush() const;

  private:
    std::string tagged(const std::string& rows) const;

    std::string path_, mistake_;
};

// The rows below the header, without line feeds and without the name of a mistake. A row that was
// cut off when its process died is not among them. Throws Error(input) naming line 1 for another
// header.
std::vector<std::string> read_csv_rows(const std::string& path, const std::string& header);
std::vector<std::string> parse_csv_rows(const std::string& text, const std::string& path,
                                        const std::string& header);

// A number as it stands in such files: nine digits, and a point everywhere.
std::string csv_number(double value);

// Whether the whole text is one number; sets `value` if it is.
bool parse_csv_number(const std::string& text, Index& value);
bool parse_csv_number(const std::string& text, double& value);

}  // namespace handgrad::apps::mnist_vae
