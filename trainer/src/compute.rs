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
    /// The kind of activations and products; moments, gradients and the weights that learn are f32.
    pub kind: Kind,
    /// What is kept of a forward pass.
    pub keep: Keep,
}

/// What the forward pass keeps of each layer for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything: the fastest.
    Graphs,
    /// Its input; the layer is computed again on the way back. A third more work, little memory.
    Inputs,
}

impl Compute {
    /// The kind of the weights that learn and that products are computed with. A single rank has them
    /// in f32 and casts them as it goes; of several each has its share in f32 besides.
    pub fn of_weights(&self, place: Place) -> Kind {
        if place == Place::ALONE { Kind::Float } else { self.kind }
    }
}

impl Default for Compute {
    /// On the CPU, in f32, nothing computed twice.
    fn default() -> Self {
        Self { device: Device::Cpu, kind: Kind::Float, keep: Keep::Graphs }
    }
}

/// Threads of libtorch, on the command line.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Threads {
    /// Threads of libtorch for one operation. One is fastest unless the machine is otherwise idle.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
}

impl Threads {
    /// Readies libtorch, before it computes anything.
    pub fn ready(self) {
        ready(self.threads);
    }
}

/// Readies libtorch for this process, before it computes anything: so many threads for one operation,
/// and products that do not depend on what is computed beside them.
pub fn ready(threads: u16) {
    if !mkl::strict() {
        tracing::warn!(
            "matrix products may depend on what is computed beside them here: equal runs may differ \
             in the last bits"
        );
    }
    tch::set_num_threads(i32::from(threads));
    tch::set_num_interop_threads(1);
}

/// [`Compute`] on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct ComputeArgs {
    /// cpu, cuda, or cuda:1 for the second GPU. Of several ranks on a machine each takes another GPU
    /// with cuda.
    #[arg(long, default_value = "cpu")]
    device: DeviceName,
    /// Kind of activations and products. Weights, moments and gradients are f32.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Compute each layer again on the way back instead of keeping what is inside it: a third more
    /// work for a fraction of the memory.
    #[arg(long)]
    recompute: bool,
}

/// Kinds of numbers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// The upper 16 of them.
    Bf16,
}

impl Precision {
    /// libtorch's word for it.
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
    /// What was asked for, if this machine has it.
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
