//! Inputs of the simulation, with sources. Those without a source are assumed.

use retrial_protocol::memory::Shape;
use serde_json::json;

/// Dense bf16 operations a second of an H100 SXM; NVIDIA's data sheet, as the next two.
pub const GPU_FLOPS: f64 = 989e12;
/// Bytes a second of its memory.
pub const GPU_MEMORY: f64 = 3.35e12;
/// Bytes a second between two GPUs of a machine in one direction; its 900 GB/s are of both.
pub const NVLINK: f64 = 450e9;
/// Bytes a second of a port of 400 Gbit/s; a DGX H100 has one for each GPU.
pub const INFINIBAND: f64 = 50e9;
/// Bytes a second of a rank over Gloo: eight ranks share a machine's 100 Gbit/s. Assumed of one
/// machine too, where host memory and one thread a rank are the limit.
pub const TCP: f64 = 1.56e9;
/// GPUs of a machine.
pub const NODE: usize = 8;

/// Share of the peak operations that the trainer reaches: measured for 4B, docs/performance.md; assumed for
/// the larger models, whose full updates do not fit one GPU.
pub const MFU: f64 = 0.349;
/// Share of the memory's bandwidth that decoding reaches. Published for vLLM 0.23, Llama 3.1 8B, one
/// sequence on an A100: 0.77 (johnmusgrave.com/p/vllm-throughput-latency-sweep-on); less is assumed for
/// many.
pub const DECODING: f64 = 0.7;
/// Sequences at once: vLLM's `--max-num-seqs`.
pub const SEQUENCES: usize = 256;
/// Share of a GPU's memory that vLLM takes, its default.
pub const SERVED_MEMORY: f64 = 0.9;

/// Processor seconds of the orchestrator for a sampled token, its grade and its place in the log:
/// 0.31 to 0.38 ms a rollout of 1,000 tokens measured, docs/performance.md.
pub const ORCHESTRATOR_TOKEN: f64 = 0.35e-6;
/// Processors of the orchestrator.
pub const ORCHESTRATOR_CORES: usize = 2;
/// Bytes of a sampled token in a server's answer, with its log-probability.
pub const ANSWERED_TOKEN: f64 = 100.0;
/// Bytes of a token in the batch: 9.4 MB for 1,024 rollouts of 1,000 tokens, docs/performance.md.
pub const BATCH_TOKEN: f64 = 9.2;

/// Measured by this example for the log and the batch, on two busy cores: seconds of the
/// writer for a token, 2.2e-7 to 5.4e-7; bytes of one in the file; rows for a rollout;
pub const LOG_TOKEN: f64 = 3.8e-7;
pub const LOG_BYTES: f64 = 13.6;
pub const LOG_ROWS: f64 = 3.34;
/// and bytes a second of a batch as JSON, 64 to 143 MB/s.
pub const JSON: f64 = 100e6;

/// Bytes a second that one process writes to the versions' folder, flushed: 499 MB in 0.42 s,
/// docs/performance.md.
pub const WRITE: f64 = 1.19e9;
/// Bytes a second that one machine reads from the shared file system,
pub const READ: f64 = 5e9;
/// and all machines together, or write. Servers of one machine read a file once.
pub const SHARED: f64 = 40e9;
/// Seconds of a push beside the weights, with its verification: 0.1 to 0.2 measured, the same page.
pub const PUSH: f64 = 0.2;

/// Most tokens of a response, as in the paper.
pub const MAX_TOKENS: u32 = 8192;
/// Tokens of a micro-batch: the more, the less often gradients go over the wires.
pub const MICRO_BATCH: u32 = 32_768;
/// Tokens of a prompt.
pub const PROMPT: u32 = 200;
/// Rollouts of a group, and extra ones of a none-pass problem, as in the paper.
pub const GROUP: usize = 8;
/// Share of problems that are none-pass: 45.5 of 128 at step 300, the paper's 4B.
pub const NONE_PASS: f64 = 0.355;
/// Mean tokens of a response there. Lengths are log-normal, cut at the limit: of this median, and with
/// this deviation of their logarithm, they have that mean.
#[cfg(test)]
pub const MEAN_TOKENS: f64 = 3150.0;
pub const MEDIAN_TOKENS: f64 = 2450.0;
pub const DEVIATION: f64 = 0.8;

/// Transport of gradients and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Gloo between ranks, the shared file system for servers.
    Host,
    /// NCCL between ranks and for servers.
    Nccl,
}

/// A plan to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: &'static str,
    pub model: Model,
    /// Problems a step.
    pub problems: usize,
    /// GPUs of the trainer, one rank each.
    pub ranks: usize,
    pub servers: usize,
    /// GPUs of a server.
    pub gpus: usize,
    pub way: Way,
}

/// A model's sizes.
#[derive(Clone, Debug)]
pub struct Model {
    pub shape: Shape,
    /// Bytes of a token in a server's cache, in bf16.
    pub cached_token: f64,
}

impl Model {
    pub fn qwen3_8b() -> Self {
        Self::qwen3(4096, 12_288, 36, 32)
    }

    pub fn qwen3_32b() -> Self {
        Self::qwen3(5120, 25_600, 64, 64)
    }

    fn qwen3(hidden: usize, inside: usize, layers: usize, heads: usize) -> Self {
        const KV_HEADS: usize = 8;
        const HEAD: usize = 128;
        let config = json!({
            "model_type": "qwen3", "vocab_size": 151_936, "hidden_size": hidden,
            "intermediate_size": inside, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
            "tie_word_embeddings": false,
        });
        let shape = serde_json::from_value(config).expect("these are all sizes");
        Self { shape, cached_token: (2 * 2 * layers * KV_HEADS * HEAD) as f64 }
    }

    pub fn parameters(&self) -> f64 {
        self.shape.parameters() as f64
    }
}

/// The plans.
pub fn plans() -> Vec<Plan> {
    let small = Plan {
        name: "8B",
        model: Model::qwen3_8b(),
        problems: 128,
        ranks: 8,
        servers: 8,
        gpus: 1,
        way: Way::Host,
    };
    let large = Plan {
        name: "32B",
        model: Model::qwen3_32b(),
        ranks: 32,
        servers: 16,
        gpus: 2,
        ..small.clone()
    };
    let wide = Plan {
        name: "8B, 1,000 servers",
        problems: 4096,
        ranks: 64,
        servers: 1000,
        ..small.clone()
    };
    let idle = Plan { problems: 128, ..wide.clone() };
    let nccl = |plan: &Plan| Plan { way: Way::Nccl, ..plan.clone() };
    let over_nccl = [nccl(&small), nccl(&large), nccl(&wide)];
    [small, large, wide, idle].into_iter().chain(over_nccl).collect()
}
