// Fine-tunes a language model:
//
//   dotnet run -- MODEL DATA...
//
// MODEL is a folder as Hugging Face's libraries write it (LLaMA, Qwen, Gemma, ...), DATA are files as JSON, JSON lines
// or Parquet with instructions (question and answer, instruction and output, ...) or conversations, or text (.txt).
// Without arguments a tiny model and some problems are made, so that there is something to see at once.

using Marrow;
using Marrow.Language;

var (path, data) = args is [var folder, .. { Length: > 0 } files] ? (folder, files) : Tiny.Make("tiny");
using var from = BaseModel.Open(path);
var texts = TextFiles.Open(from, data, new() { Share = 0.1 });
Console.WriteLine($"{from.Parameters:N0} parameters, {texts.Texts.Training.Count} texts to learn from");

//#if (bone)
var adapter = new BoneAttribute { BlockSize = 16 };
//#elif (lora)
var adapter = new LoraAttribute { Rank = 8 };
//#elif (dora)
var adapter = new DoraAttribute { Rank = 8 };
//#else
var adapter = new LoraAttribute { Rank = 8, Init = LoraInit.Pissa };
//#endif
using var model = from.Create(adapter, seed: 1);
using var training = new FineTuning(model, texts.Texts, new()
{
    Training = new() { Steps = 100, LearningRate = 2e-3, WarmUp = 5, Checkpoint = "checkpoint.safetensors" },
    BatchSize = 8,
    EvaluateEvery = 20,
});
var before = FineTuningScore.Of(model, texts.Texts, null, batch: 8);
training.Run(new Lines());

model.SaveAdapter("adapter");
from.Save(model, "merged");
var result = new FineTuningResult(
    "adapter", 1, FineTuning.Trainable(model), training.Losses, training.HeldOutLosses, training.Milliseconds,
    training.Score(encoder: null));
new FineTuningReport("Fine-tuning", [("Base", path), ("Data", string.Join(", ", data))], [result], "dotnet run")
{
    Before = before,
}.Save("report.html");
File.Delete("checkpoint.safetensors"); // a run that is killed goes on from it
Console.WriteLine("The adapter is in the folder adapter, the model in merged; report.html tells the rest.");

/// <summary>Progress as lines; where an application has an ILogger, this is the place for it.</summary>
internal sealed class Lines : IProgress<TextTrainingProgress>
{
    public void Report(TextTrainingProgress value)
    {
        if (value.Score is { } heldOut)
        {
            Console.WriteLine($"step {value.Step} of {value.Steps}: loss {value.Loss:F3}, held out {heldOut:F3}");
        }
    }
}
