//! Where and how libtorch computes: device, precision, threads. One code path, whatever is chosen.

use std::str::FromStr;

use anyhow::{Result, bail};
use retrial_native::mkl;
use tch::{Cuda, Device, Kind};

use crate::ranks::{Place, local_rank};

/// Where and how a policy computes.
#[derive(Clone, Copy, Debug)]
pub struct Compute {
    /// The device.
    pub device: Device,
    /// Data type of activations and products. Trained weights, gradients and moments are f32.
    pub kind: Kind,
    /// What the forward pass stores for the backward pass.
    pub keep: Keep,
}

/// What the forward pass stores of each layer for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All activations: the fastest.
    Graphs,
    /// Only its input; the layer is recomputed in the backward pass. A third more work, little memory.
    Inputs,
}

impl Compute {
    /// Data type of the weights used in products. A single rank stores them
    /// in f32 and casts them in use; each of several ranks stores its shard in f32 as well.
    pub fn of_weights(&self, place: Place) -> Kind {
        if place == Place::ALONE { Kind::Float } else { self.kind }
    }
}

impl Default for Compute {
    /// On the CPU, in f32, without recomputation.
    fn default() -> Self {
        Self { device: Device::Cpu, kind: Kind::Float, keep: Keep::Graphs }
    }
}

/// `--threads` on the command line.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Threads {
    /// Threads of libtorch for one operation. One is fastest unless the machine is otherwise idle.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
}

impl Threads {
    /// Sets up libtorch. Call this before any computation.
    pub fn ready(self) {
        ready(self.threads);
    }
}

/// Sets up libtorch for this process, before any computation: the number of threads for an operation,
/// and matrix products whose rows do not depend on each other.
pub fn ready(threads: u16) {
    if !prepare(threads) {
        tracing::warn!(
            "matrix products may depend on what is computed beside them here: equal runs may differ \
             in the last bits"
        );
    }
}

/// As [`ready`], but only returns whether rows of libtorch's products are independent, for a program with
/// products of its own.
pub fn prepare(threads: u16) -> bool {
    let strict = mkl::strict();
    tch::set_num_threads(i32::from(threads));
    tch::set_num_interop_threads(1);
    strict
}

/// As many threads as there are cores.
pub fn cores() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(cores).unwrap_or(u16::MAX)
}

/// The options of [`Compute`] on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct ComputeArgs {
    /// cpu, cuda, or cuda:1 for the second GPU. With cuda, each rank on a machine takes a GPU of
    /// its own.
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    /// Data type of activations and products. Weights, moments and gradients are f32.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Recompute each layer in the backward pass instead of storing its activations: a third more
    /// work for a fraction of the memory.
    #[arg(long)]
    recompute: bool,
}

/// Data types.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16: the upper 16 bits of f32.
    Bf16,
}

impl Precision {
    /// The same type in libtorch.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct DeviceName(Device);

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let index = match text.split_once(':') {
            None if text == "cpu" => return Ok(Self(Device::Cpu)),
            None if text == "cuda" => Some(local_rank()),
            Some(("cuda", index)) => index.parse().ok(),
            _ => None,
        };
        index.map(|index| Self(Device::Cuda(index))).ok_or("write it as cpu, cuda or cuda:1".into())
    }
}

impl ComputeArgs {
    /// The requested settings, if this machine supports them.
    pub fn compute(&self) -> Result<Compute> {
        let device = self.device.0;
        if let Device::Cuda(index) = device {
            let there = Cuda::device_count();
            if index as i64 >= there {
                bail!(
                    "there is no device cuda:{index}: libtorch finds {there} GPUs\n\
                     hint: a libtorch for CUDA is needed besides the GPU; see LIBTORCH in \
                     trainer/fetch-libtorch.sh"
                );
            }
        }
        let kind = self.precision.kind();
        let keep = if self.recompute { Keep::Inputs } else { Keep::Graphs };
        Ok(Compute { device, kind, keep })
    }
}
