using Marrow.Layers;
using Marrow.Models;
using Marrow.Peft;
using Marrow.Shared;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Adapters of models whose class has none, chosen at run time by the attributes of the DSL.</summary>
public static class AddedAdapters
{
    /// <summary>
    /// Adapts a plain model as a class with these attributes would be: the layers that they mean become adapted ones,
    /// of the classes that the generator would have emitted, and everything is frozen but adapters and what is trained
    /// beside them. With the same <c>manual_seed</c> before it, the adapters start with the values that they have in
    /// such a class after <c>LoadPretrained</c> into a model on the meta device, bit for bit. A model may also get
    /// its adapters on the meta device and its weights afterwards.
    /// </summary>
    /// <param name="model">A model without adapters; it stays as it was if anything is wrong.</param>
    /// <param name="adapters">
    /// What a class would carry: one attribute, or several with Targets of their own. Their sizes are numbers.
    /// </param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range or does not suit a layer's sizes, or a pattern matches nothing; the message names
    /// it.
    /// </exception>
    /// <exception cref="InvalidOperationException">The model has adapters already.</exception>
    public static void AddAdapter(this IModel model, params IReadOnlyList<AdapterAttribute> adapters)
    {
        if (model.AdaptedLayers().Any())
        {
            throw new InvalidOperationException(
                $"{model.GetType().Name} has adapters already; AddAdapter with a name adds one of their kind beside "
                + "them, and another kind needs a model without.");
        }

        if (adapters.Count == 0)
        {
            throw new ArgumentException("AddAdapter needs at least one attribute.", nameof(adapters));
        }

        var choices = adapters.Select(attribute => new Choice(attribute, AdapterLayers.Settings(attribute))).ToList();
        var trained = new Trained(model, choices);
        RequireMatches(model, choices);
        var layers = Layers(model, choices, trained);
        new ModuleExchange(model.Module).Replace(layers);
        model.State.Biases = adapters.Select(attribute => attribute.Bias).FirstOrDefault(bias => bias != default);
        model.FreezeBase(trained.Parameters().ToList());
        foreach (var layer in layers.Values.OfType<AdaptedLinear>())
        {
            if (layer.Weight.device_type != DeviceType.META)
            {
                layer.Adaptation.Initialize();
            }
        }
    }

    /// <summary>The layers that are meant, each with the adapted one that takes its place.</summary>
    private static Dictionary<nn.Module, nn.Module> Layers(
        IModel model, IReadOnlyList<Choice> choices, Trained trained)
    {
        var tied = model.Module.modules().OfType<TiedLinear>().ToLookup(head => (nn.Module)head.Embedding);
        var layers = new Dictionary<nn.Module, nn.Module>();
        foreach (var (name, module) in model.Module.named_modules())
        {
            var meant = trained.Mean(name) ? [] : choices.Where(choice => choice.Means(name, module)).ToList();
            if (meant.Count == 0)
            {
                continue;
            }

            Require(meant.Count == 1, $"Two class-level adapters target layer '{name}'; narrow one's Targets");
            Require(
                !tied[module].Any(),
                $"'{name}' cannot be adapted: layer '{tied[module].FirstOrDefault()?.LayerName}' shares its weight");
            layers.Add(module, AdapterLayers.Over(module, meant[0].Settings) ?? throw new ArgumentException(
                $"Layer '{name}' cannot carry {meant[0].Settings}: it is a {module.GetType().Name}."));
        }

        Require(layers.Count > 0, $"[{choices[0].Name}] on '{model.GetType().Name}' changes nothing: no linear layer "
            + "that is not an output head is left by Exclude and Train");
        return layers;
    }

    /// <summary>Each pattern must match something, so that a mistyped one is no silent omission.</summary>
    private static void RequireMatches(IModel model, IReadOnlyList<Choice> choices)
    {
        var modules = model.Module.named_modules().ToList();
        var all = modules.Select(pair => pair.name)
            .Concat(StateTensor.Of(model).Where(tensor => tensor.Owner is IModel).Select(tensor => tensor.Name))
            .SelectMany(LayerTargets.Around)
            .Distinct()
            .ToList();
        foreach (var choice in choices)
        {
            var takers = modules.Where(pair => choice.CouldMean(pair.module)).Select(pair => pair.name).ToList();
            foreach (var (option, patterns, what, names) in new[]
            {
                ("Targets", choice.Attribute.Targets, "layer that can be adapted", takers),
                ("Exclude", choice.Attribute.Exclude, "layer that can be adapted", takers),
                ("Train", choice.Attribute.Train, "layer", all),
            })
            {
                foreach (var pattern in patterns?.Split('|').Select(text => text.Trim(' ')) ?? [])
                {
                    Require(
                        names.Exists(name => LayerTargets.Match(pattern, name)),
                        $"[{choice.Name}] {option} '{pattern}' matches no {what} of '{model.GetType().Name}'"
                            + Suggestion.DidYouMean(pattern, names));
                }
            }
        }
    }

    private static void Require(bool isMet, string fault)
    {
        if (!isMet)
        {
            throw new ArgumentException(fault.EndsWith('?') ? fault : fault + ".");
        }
    }

    /// <summary>An attribute with its settings.</summary>
    private sealed record Choice(AdapterAttribute Attribute, AdapterSettings Settings)
    {
        public string Name => Attribute.GetType().Name[..^nameof(System.Attribute).Length];

        /// <summary>Whether the kind of a layer can be meant at all.</summary>
        public bool CouldMean(nn.Module module) => module switch
        {
            TiedLinear => false,
            Linear => true,
            Conv2d or Embedding => Attribute is LoraAttribute { Init: LoraInit.Kaiming },
            _ => false,
        };

        public bool Means(string layer, nn.Module module) => CouldMean(module) && (module is Linear linear
            ? LayerTargets.Mean(Attribute.Targets, Attribute.Exclude, layer, linear.IsHead)
            : LayerTargets.Name(Attribute.Targets, Attribute.Exclude, layer));
    }

    /// <summary>What is trained whole beside the adapters, as the model's class and the attributes say.</summary>
    private sealed class Trained(IModel model, IReadOnlyList<Choice> choices)
    {
        private readonly HashSet<string> marked = [.. model.State.TrainedWhole];

        public bool Mean(string module) => LayerTargets.Around(module).Any(name => marked.Contains(name)
            || choices.Any(choice => choice.Attribute.Train is { } patterns && LayerTargets.Match(patterns, name)));

        public IEnumerable<Parameter> Parameters() =>
            from tensor in StateTensor.Of(model)
            where !tensor.IsBuffer && !tensor.IsOfAdapter
            where Mean(tensor.Owner is IModel ? tensor.Name : PeftNames.Around(tensor.Name))
            select (Parameter)tensor.Value;
    }
}
