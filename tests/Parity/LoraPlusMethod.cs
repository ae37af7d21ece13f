using System.Globalization;
using System.Text.Json;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>LoRA+: which parameter gets which rate and decay, and AdamW's steps with them.</summary>
internal static class LoraPlusMethod
{
    public static IEnumerable<Comparison> Run(ReferenceCase file)
    {
        var (r, alpha) = (file.Integer("r"), file.Number("alpha"));
        var (first, second) =
            (file.Tensor("frozen.fc1.base_layer.weight").shape, file.Tensor("frozen.fc2.base_layer.weight").shape);
        var vocabulary = file.Flag("has_embedding") ? file.Tensor("frozen.embed.base_layer.weight").size(0) : 0;
        using var model = new LoraPlusCase(
            (int)vocabulary, (int)first[1], (int)first[0], (int)second[0], r, alpha);
        model.Norm.parameters().ToList().ForEach(parameter => parameter.requires_grad = true);
        var parameters = model.named_parameters().ToDictionary(pair => PeftName(pair.name), pair => pair.parameter);
        using (no_grad())
        {
            foreach (var (name, value) in parameters)
            {
                value.copy_(file.Tensor((value.requires_grad ? "param." : "frozen.") + name));
            }
        }

        var (rate, decay) = (file.Number("lr"), file.Number("loraplus_weight_decay"));
        var groups = LoraPlus.Groups(
            model, file.Number("loraplus_lr_ratio"), file.Number("loraplus_lr_embedding") / rate);
        foreach (var (key, computed) in new (string, Func<TrainedParameter, double>)[]
        {
            ("lr_by_param", group => rate * group.RateRatio),
            ("weight_decay_by_param", group => group.IsDecayed ? decay : 0),
        })
        {
            using var stored = JsonDocument.Parse(file.Text(key));
            foreach (var entry in stored.RootElement.EnumerateObject())
            {
                var group = groups.Single(group => PeftName(group.Name) == entry.Name);
                yield return Comparison.Of($"{key}.{entry.Name}", tensor(computed(group)),
                    tensor(entry.Value.GetDouble()), new Tolerance(0, 1e-9));
            }
        }

        var betas = file.Text("betas").Trim('[', ']', '(', ')').Split(',')
            .Select(beta => double.Parse(beta, CultureInfo.InvariantCulture))
            .ToArray();
        using var optimizer = new FusedAdamW(groups, decay, betas[0], betas[1], file.Number("eps"));
        for (var step = 1; step <= file.Integer("steps"); step++)
        {
            optimizer.ZeroGradients();
            var y = model.call(file.Tensor("x"));
            if (step == 1)
            {
                yield return file.Compare("y", y);
            }

            y.backward([file.Tensor("gy")]);
            foreach (var group in groups)
            {
                yield return file.Compare($"step{step}.grad.{PeftName(group.Name)}", group.Value.grad!);
            }

            optimizer.Step(rate);
            foreach (var group in groups)
            {
                yield return file.Compare($"step{step}.param.{PeftName(group.Name)}", group.Value);
            }
        }
    }

    /// <summary>PEFT's name of a parameter.</summary>
    private static string PeftName(string name) => name switch
    {
        var own when own.EndsWith("lora_A", StringComparison.Ordinal)
            || own.EndsWith("lora_B", StringComparison.Ordinal) => own + ".default.weight",
        var own when own.Contains("lora_embedding_", StringComparison.Ordinal) => own + ".default",
        var own when own.StartsWith("fc", StringComparison.Ordinal) =>
            own.Insert(own.IndexOf('.', StringComparison.Ordinal), ".base_layer"),
        "embed.weight" => "embed.base_layer.weight",
        var own => own,
    };
}
