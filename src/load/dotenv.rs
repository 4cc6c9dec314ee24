//! `.env` files and the files of `env_file`.
