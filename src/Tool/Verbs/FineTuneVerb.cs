using System.CommandLine;
using Marrow.Language;
using Marrow.Tool.CommandLine;
using Marrow.Tool.FineTuning;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow finetune</c>: trains adapters, or all weights, of a checkpoint.</summary>
internal sealed class FineTuneVerb : Verb
{
    private const string StandardMethod = "bone";

    private readonly Option<string> model = new("--model")
    {
        Description = "The base: a folder of Hugging Face's, or an RWKV-6 as .pth or safetensors with its tokenizer.",
        HelpName = "path",
        Required = true,
    };

    private readonly Option<string[]> data = new("--data")
    {
        Description = "Texts to learn from: JSON, JSON lines or Parquet with instructions or conversations, or .txt.",
        HelpName = "files",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> heldOut = new("--eval-data")
    {
        Description = "Files whose texts are held out; the last part of --data if not given.",
        HelpName = "files",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double?> share = Choice.Number(
        "--eval-share",
        "That part; 0.1 if not given, 0: nothing is held out.",
        value => value is >= 0 and < 1,
        "0 or more and below 1");

    private readonly AdapterOptions adapter = new();

    private readonly Option<double?> alpha = Choice.Number(
        "--alpha", "Numerator of LoRA's scale; its rank if not given.", value => value > 0, "positive");

    private readonly Option<double?> dropout = Choice.Number(
        "--dropout", "Dropout on the adapters' input.", value => value is >= 0 and < 1, "0 or more and below 1");

    private readonly Option<string?> exclude = new("--exclude")
    {
        Description = "Patterns of layers that are left out of --targets, joined by |.",
    };

    private readonly Option<string?> train = new("--train")
    {
        Description = "Patterns of layers that are trained whole beside the adapters, joined by |.",
    };

    private readonly Option<int?> steps = Choice.Count("--steps", "Optimizer steps; if not given, those of --epochs.");

    private readonly Option<double?> epochs = Choice.Number(
        "--epochs", "Passes over the data; 1 if not given.", value => value > 0, "positive");

    private readonly Option<int?> batch = Choice.Count("--batch", "Texts at once; 8 if not given.");

    private readonly Option<int?> accumulation = Choice.Count(
        "--accumulation", "Batches whose gradients add up to a step; 1 if not given.");

    private readonly Option<TextGrouping?> grouping = Choice.Of(
        "--grouping",
        "How texts come together in batches; buckets, those of about equal length, if not given.",
        new Dictionary<string, TextGrouping?>
        {
            ["shuffled"] = TextGrouping.Shuffled,
            ["buckets"] = TextGrouping.Buckets,
            ["packed"] = TextGrouping.Packed,
        });

    private readonly TextOptions text = new();

    private readonly Option<double?> rate = Choice.Number(
        "--learning-rate",
        "The highest rate; 2e-4 for adapters and 2e-5 for all weights if not given.",
        value => value is > 0 and <= 1,
        "above 0 and at most 1");

    private readonly Option<RateSchedule?> schedule = Choice.Of(
        "--schedule",
        "How the rate falls; cosine if not given.",
        Enum.GetValues<RateSchedule>().ToDictionary(
            value => value.ToString().ToLowerInvariant(), value => (RateSchedule?)value));

    private readonly Option<int?> warmUp = Choice.Count(
        "--warm-up", "Steps over which the rate rises; 3 % of all if not given.");

    private readonly Option<double?> decay = Choice.Number(
        "--weight-decay", "AdamW's decay; 0 if not given.", value => value >= 0, "0 or more");

    private readonly Option<double?> clip = Choice.Number(
        "--clip", "Largest norm of all gradients; 1 if not given, 0: any.", value => value >= 0, "0 or more");

    private readonly Option<int?> evaluateEvery = Choice.Count(
        "--eval-every", "Steps between measurements of the held-out loss; ten in all if not given.");

    private readonly Option<int?> patience = Choice.Count(
        "--patience", "Measurements without a lower held-out loss after which training ends, with the best state.");

    private readonly Option<int?> solve = Choice.Count(
        "--solve", "Held-out problems that are solved at the end and judged by their final answer; none if not given.");

    private readonly Option<int?> seed = Choice.Count(
        "--seed", "Decides first values and the order of texts; 1 if not given.");

    private readonly ComputeOptions compute = new();

    private readonly OutputOptions output = new(
        "Folder for the adapter, the checkpoint and the report.", Path.Combine("runs", "finetune"));

    private readonly Option<bool> merge = new("--merge")
    {
        Description = "Also save the model with the adapter merged into it, in merged below --out.",
    };

    private readonly Option<int?> checkpointEvery = Choice.Count(
        "--checkpoint-every", "Steps between checkpoints; 100 if not given.");

    private readonly Option<bool> resume = new("--resume")
    {
        Description = "Go on from the checkpoint of a run with the same options that was stopped.",
    };

    private readonly Option<string?> log = new("--log") { Description = "Folder for TensorBoard's event files." };

    public FineTuneVerb()
        : base(
            "finetune",
            "Fine-tunes a checkpoint, and saves a PEFT adapter and a report.",
            "marrow finetune --model ./SmolLM2-135M --data train.jsonl --method bone --out runs/math --merge")
    {
        Add(model);
        Add(data);
        Add(heldOut);
        Add(share);
        adapter.AddTo(this);
        foreach (var option in (Option[])[alpha, dropout, exclude, train, steps, epochs, batch, accumulation, grouping])
        {
            Add(option);
        }

        text.AddTo(this);
        foreach (var option in (Option[])[rate, schedule, warmUp, decay, clip, evaluateEvery, patience, solve, seed])
        {
            Add(option);
        }

        compute.AddTo(this);
        output.AddTo(this);
        foreach (var option in (Option[])[merge, checkpointEvery, resume, log])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var method = adapter.Method(call, StandardMethod);
        var attribute = adapter.Attribute(call, StandardMethod);
        Complete(call, method, attribute);
        call.RequireTorch();
        using var from = BaseModel.Open(call.Get(model)!);
        new FineTuningRun(
            from,
            method,
            attribute,
            new(
                call.Get(data)!,
                new()
                {
                    Template = text.Template(call, from),
                    HeldOut = call.Get(heldOut) ?? [],
                    Share = call.Get(share) ?? 0.1,
                    Context = text.Context(call, from),
                },
                call.Get(steps),
                call.Get(epochs) ?? 1,
                new()
                {
                    Training = new()
                    {
                        Accumulation = call.Get(accumulation) ?? 1,
                        LearningRate = call.Get(rate) ?? (method.IsAdapter ? 2e-4 : 2e-5),
                        Schedule = call.Get(schedule) ?? RateSchedule.Cosine,
                        WarmUp = call.Get(warmUp) ?? -1,
                        WeightDecay = call.Get(decay) ?? 0,
                        ClipNorm = call.Get(clip) ?? 1,
                        CheckpointEvery = call.Get(checkpointEvery) ?? 100,
                        Log = call.Get(log),
                    },
                    BatchSize = call.Get(batch) ?? 8,
                    Grouping = call.Get(grouping) ?? TextGrouping.Buckets,
                    Seed = call.Get(seed) ?? 1,
                    EvaluateEvery = call.Get(evaluateEvery) ?? -1,
                    Patience = call.Get(patience),
                },
                call.Get(solve) ?? 0,
                compute.TypeName(call),
                output.Path(call),
                call.Get(merge),
                call.Get(resume),
                output.Force(call)),
            compute.Device(call),
            compute.Type(call)).Run(call);
    }

    private void Complete(Invocation call, FineTuningMethod method, AdapterAttribute? attribute)
    {
        foreach (var option in (Option[])[exclude, train, dropout, alpha])
        {
            if (call.Has(option) && (attribute is null || (option == alpha && attribute is not LowRankAttribute)))
            {
                throw new ToolException($"{option.Name} means nothing to the method {method.Name}; leave it out.");
            }
        }

        if (attribute is not null)
        {
            (attribute.Exclude, attribute.Train) = (call.Get(exclude), call.Get(train));
        }

        switch (attribute)
        {
            case LowRankAttribute lowRank:
                (lowRank.Alpha, lowRank.Dropout) = (call.Get(alpha), call.Get(dropout) ?? 0);
                break;
            case BoneAttribute bone:
                bone.Dropout = call.Get(dropout) ?? 0;
                break;
        }
    }
}
