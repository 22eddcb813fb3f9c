//! A request for an update.

use retrial_protocol::TrainRequest;
use retrial_trainer::compute::Compute;
use retrial_trainer::model::Decoder;
use retrial_trainer::update::Learner;
use tch::Device;

use crate::folder::fixture;

/// Limit on the optimizer steps of an update.
const STEPS: u64 = 8;
/// Limit on its samples.
const SAMPLES: usize = 64;

/// A parsed request survives a round trip, and its update succeeds or is rejected.
pub fn train_request(input: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<TrainRequest>(input) else { return false };
    let written = serde_json::to_string(&request).expect("a request is plain data");
    let read: TrainRequest = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(read, request);
    assert_eq!(read.batch.digest(), request.batch.digest());

    let steps = u64::from(request.optimizer.epochs) * u64::from(request.optimizer.mini_batches);
    if steps > STEPS || request.batch.samples.len() > SAMPLES {
        return false;
    }
    // An update changes the weights, and an error leaves them partly updated.
    let model = Decoder::load(&fixture("base"), Device::Cpu).expect("the model can be read");
    Learner::new(model, Compute::default()).update(&request).is_ok()
}
