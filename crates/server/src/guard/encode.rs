//! Asks the encoder for the vectors of texts.

use engine::request::{CacheScope, Embed, EmbedInput, Event, Refusal, Text};
use policy::{
    content::Content,
    guard::{
        filter::Down,
        heads::Place,
        look::{self, Vectors},
    },
};
use tokio::time::timeout;

use super::Encoder;

impl Encoder {
    /// Returns the vectors of each text: of the newest texts first, until the encoder has as many
    /// parts as it takes for one request. The other texts get none: the detectors over words and
    /// characters decide about them alone, and the verdict's sources say so.
    ///
    /// # Errors
    /// If the encoder does not run, or does not answer in time.
    pub(super) async fn vectors(
        &self,
        texts: &[(Place, Content)],
        scope: CacheScope,
    ) -> Result<Vec<Option<Vectors>>, Down> {
        let mut inputs = Vec::new();
        let mut counts = Vec::new();
        for (_, text) in texts.iter().rev() {
            let parts = look::parts(text.reveal()).map_err(|_| Down::TooLarge)?;
            let fits = inputs.is_empty() || inputs.len() + parts.len() <= MOST_PARTS;
            counts.push(fits.then_some(parts.len()));
            if fits {
                inputs.extend(parts.into_iter().map(|part| EmbedInput::Text(Text(part))));
            }
        }
        let vectors = match inputs.is_empty() {
            true => Vec::new(),
            false => {
                timeout(self.wait, self.embed(inputs, scope)).await.map_err(|_| Down::Late)??
            }
        };
        let mut vectors = vectors.into_iter();
        let mut own = |count: Option<usize>| {
            count.map(|count| Vectors::new(vectors.by_ref().take(count).collect()))
        };
        let mut all: Vec<_> = counts.into_iter().map(&mut own).collect();
        all.reverse();
        Ok(all)
    }

    async fn embed(
        &self,
        inputs: Vec<EmbedInput>,
        scope: CacheScope,
    ) -> Result<Vec<Vec<f32>>, Down> {
        let wanted = inputs.len();
        let worker = self.fleet.encoder().ok_or(Down::Stopped)?;
        let sent = worker.screen(scope, Embed { inputs });
        let mut events = sent.map_err(|refusal| down(&refusal))?;
        let mut vectors = Vec::with_capacity(wanted);
        while let Some(event) = events.next().await {
            match event {
                Event::Embedding { vector, .. } => vectors.push(vector),
                Event::Done if vectors.len() == wanted => return Ok(vectors),
                Event::Accepted { .. } => {}
                Event::Failed(refusal) => return Err(down(&refusal)),
                _ => break,
            }
        }
        Err(Down::Stopped)
    }
}

/// The most parts that the encoder gets for one look. A part takes up to a tenth of a second on
/// two cores.
const MOST_PARTS: usize = look::MOST_EMBEDDED;

/// Returns the reason why the encoder is not available.
fn down(refusal: &Refusal) -> Down {
    tracing::warn!(%refusal, "the content filter's encoder refused a text");
    match refusal {
        Refusal::QueueFull { .. } => Down::Late,
        _ => Down::Stopped,
    }
}
