//! Forward and backward pass of packed sequences.
//!
//! The backward pass goes layer by layer: each layer is a graph of its own from its input to its
//! output, either kept from the forward pass or recomputed. Recomputed activations exist for
//! one layer at a time. Letters in shapes: T tokens, N response tokens, H hidden
//! width.

use std::ops::Range;

use tch::{Kind, Tensor};

use super::gradients::Gradients;
use super::head::{Head, Scores};
use super::sequences::{Packed, Sequence};
use crate::compute::Keep;
use crate::model::{Angles, Decoder};

/// Scores of response tokens, with what the backward pass needs.
pub struct Pass<'a> {
    model: &'a Decoder,
    packed: Packed,
    temperature: f64,
    layers: Vec<Saved>,
    /// From the last layer's output at the positions that predict response tokens, `[N, H]`, to its norm.
    last: Graph,
    /// The scores of the response tokens.
    pub scores: Scores,
}

/// A piece of the model between two cuts.
struct Graph {
    input: Tensor,
    output: Tensor,
}

/// What is stored of a layer until the backward pass.
enum Saved {
    Graph(Graph),
    Input(Tensor),
}

/// Scores the response tokens of some sequences at a sampling temperature, without gradients.
pub fn score(model: &Decoder, kind: Kind, sequences: &[Sequence<'_>], temperature: f64) -> Scores {
    let packed = Packed::new(sequences, kind, model.device());
    tch::no_grad(|| {
        let angles = model.angles(&packed.positions, kind);
        let mut x = model.embed(&packed.ids).to_kind(kind);
        for layer in 0..model.config().layers {
            x = model.layer(layer, &x, &angles, &packed.packing);
        }
        let hidden = model.norm().forward(&x.index_select(0, &packed.rows));
        Head { weight: model.head(), temperature }.score(&hidden, &packed.targets)
    })
}

impl<'a> Pass<'a> {
    /// The forward pass, with activations of `kind`.
    pub fn forward(
        model: &'a Decoder,
        kind: Kind,
        sequences: &[Sequence<'_>],
        temperature: f64,
        keep: Keep,
    ) -> Self {
        let packed = Packed::new(sequences, kind, model.device());
        let angles = model.angles(&packed.positions, kind);
        let mut x = tch::no_grad(|| model.embed(&packed.ids).to_kind(kind));
        let mut layers = Vec::with_capacity(model.config().layers);
        for index in 0..model.config().layers {
            let layer = |x: &Tensor| model.layer(index, x, &angles, &packed.packing);
            let saved = match keep {
                Keep::Graphs => Saved::Graph(Graph::new(&x, layer)),
                Keep::Inputs => Saved::Input(x.shallow_clone()),
            };
            x = match &saved {
                Saved::Graph(graph) => graph.output.detach(),
                Saved::Input(input) => tch::no_grad(|| layer(input)),
            };
            layers.push(saved);
        }
        let last = Graph::new(&x.index_select(0, &packed.rows), |x| model.norm().forward(x));
        let scores =
            Head { weight: model.head(), temperature }.score(&last.output, &packed.targets);
        Self { model, packed, temperature, layers, last, scores }
    }

    /// The backward pass: adds the gradients of the parameters to `gradients`, given those of
    /// log-probabilities and entropies, `[N]` each. Calls `part_done` with each part of
    /// [`Places::in_backward_order`], in that order, when all its gradients are complete. Returns the
    /// scores.
    ///
    /// [`Places::in_backward_order`]: crate::model::Places::in_backward_order
    pub fn backward<E>(
        self,
        of_logprobs: &Tensor,
        of_entropies: Option<&Tensor>,
        gradients: &mut Gradients,
        mut part_done: impl FnMut(&mut Gradients, Range<usize>) -> Result<(), E>,
    ) -> Result<Scores, E> {
        let Self { model, packed, temperature, layers, last, mut scores } = self;
        let parameters = model.learned();
        let places = model.places();
        let mut parts = places.in_backward_order().into_iter();
        let mut done = |gradients: &mut Gradients| {
            part_done(gradients, parts.next().expect("a part on top, one a layer, one below"))
        };
        let gradient = Head { weight: model.head(), temperature }.backward(
            &last.output.detach(),
            &packed.targets,
            &mut scores,
            of_logprobs,
            of_entropies,
            places.head.map(|place| gradients.sum(place, model.head())),
        );
        let norm = places.norm.map_or(0..0, |place| place..place + 1);
        let of_rows = last.backward(&gradient, parameters, norm, gradients);
        done(gradients)?;
        // The states of other tokens predict nothing that is trained on; the last one of a shared prompt
        // predicts the first token of several responses.
        let width = model.config().hidden;
        let mut gradient =
            Tensor::zeros([packed.ids.size()[0], width], (of_rows.kind(), of_rows.device()))
                .index_add_(0, &packed.rows, &of_rows);

        let angles: Angles = model.angles(&packed.positions, gradient.kind());
        for (index, saved) in layers.into_iter().enumerate().rev() {
            let graph = match saved {
                Saved::Graph(graph) => graph,
                Saved::Input(input) => {
                    Graph::new(&input, |x| model.layer(index, x, &angles, &packed.packing))
                }
            };
            let span = places.layers[index].clone();
            gradient = graph.backward(&gradient, parameters, span, gradients);
            done(gradients)?;
        }
        if let Some(place) = places.embedding {
            let sum = gradients.sum(place, &parameters[place].1);
            let of_rows = model.of_embedded(gradient.to_kind(Kind::Float));
            let _ = tch::no_grad(|| sum.index_add_(0, &packed.ids, &of_rows));
        }
        done(gradients)?;
        Ok(scores)
    }
}

impl Graph {
    /// Computes `piece` of `input` with a graph of its own.
    fn new(input: &Tensor, piece: impl FnOnce(&Tensor) -> Tensor) -> Self {
        let input = input.detach().set_requires_grad(true);
        let output = piece(&input);
        Self { input, output }
    }

    /// Adds the gradients of the parameters at `span` and returns that of the input.
    fn backward(
        self,
        gradient: &Tensor,
        parameters: &[(String, Tensor)],
        span: Range<usize>,
        gradients: &mut Gradients,
    ) -> Tensor {
        // Its derivative with respect to the output is the gradient.
        let product = (&self.output * gradient).sum(Kind::Float);
        let mut inputs = vec![&self.input];
        inputs.extend(parameters[span.clone()].iter().map(|(_, parameter)| parameter));
        let mut found = Tensor::run_backward(&[product], &inputs, false, false).into_iter();
        let of_input = found.next().expect("one gradient an input");
        for (index, of_parameter) in span.zip(found) {
            gradients.add(index, &of_parameter);
        }
        of_input
    }
}
