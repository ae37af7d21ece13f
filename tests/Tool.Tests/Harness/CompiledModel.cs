using System.Reflection;
using Marrow.Tool.Generation;

namespace Marrow.Tests.Tool.Harness;

/// <summary>The class of a text, compiled with what the generator emits for it.</summary>
internal static class CompiledModel
{
    public static IModel Create(string text)
    {
        var assembly = Assembly.Load(ModelCompilation.Of(("Model.cs", text)).Emit());
        return (IModel)Activator.CreateInstance(
            assembly.GetTypes().First(type => type is { IsPublic: true } && type.IsAssignableTo(typeof(IModel))))!;
    }
}
